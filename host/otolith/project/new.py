"""Makes the folder of a new project: spec, dataset, PlatformIO file and the next commands."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from otolith import paths
from otolith.data.names import check_label, folder_of, is_reserved
from otolith.device.boards import named
from otolith.errors import UserError, short, shown
from otolith.files import cannot_write
from otolith.settings.filling import BACKGROUNDS
from otolith.settings.kinds.registry import DEFAULT, KINDS
from otolith.settings.model import MOST_CLASSES, is_name
from otolith.settings.problems import nearest
from otolith.settings.spec import load, spec_file

BACKGROUND = "background"
_COPIED = re.compile(r"(features|deploy|quantize|augment)\b|detect$")
_SECTION = re.compile(r"\[\s*([^\]]+?)\s*\]")


@dataclass(frozen=True)
class Wish:
    """What a project should be.

    folder: Where it is made; its name is the model's name. hear: The sounds it should hear, without
    the background; none for those of `ready`. kind: "word", "sound" or "alarm". board: Id of the
    board. ready: Folder of a model to start from, or None.
    """

    folder: Path
    hear: tuple[str, ...]
    kind: str = DEFAULT
    board: str = "pico"
    ready: Path | None = None


def split_names(text: str) -> tuple[str, ...]:
    """Names of sounds from "knock, door bell"; spaces inside a name become _."""
    return tuple("_".join(name.split()) for name in text.split(","))


def ready_model(name: str) -> Path:
    """The folder of a ready model.

    Args:
        name: Its name in models/, or a folder.

    Raises:
        UserError: There is none.
    """
    for folder in (Path(name), paths.MODELS / name):
        if (folder / "spec.toml").is_file():
            return folder.resolve()
    known = sorted(file.parent.name for file in paths.MODELS.glob("*/spec.toml"))
    raise UserError(f"no ready model {short(shown(name))}: {nearest(name, known)}")


def copy_of(folder: Path, ready: Path, board: str) -> Wish:
    """A wish for a ready model as it is: its classes, its settings and its generated sounds.

    Args:
        folder: Where it is made.
        ready: Folder of the ready model.
        board: Id of the board.
    """
    classes = load(ready).model.classes
    hear = tuple(name for name in classes if name not in BACKGROUNDS)
    return _Copy(folder, hear, board=board, ready=ready)


@dataclass(frozen=True)
class _Copy(Wish):
    """A wish for the spec of `ready`, with its classes in their order."""


def check(wish: Wish) -> None:
    """Checks a wish before anything is written.

    Raises:
        UserError: Something is wrong. The message lists every problem.
    """
    problems = problems_of_folder(wish.folder)
    problems += problems_of_names(wish.hear)
    if wish.kind not in KINDS:
        problems.append(f"no kind {short(shown(wish.kind))}: {nearest(wish.kind, KINDS)}")
    try:
        named(wish.board)
    except UserError as error:
        problems.append(error.message)
    if len(problems) == 1:
        raise UserError(problems[0])
    if problems:
        raise UserError("\n  ".join([f"{len(problems)} problems", *problems]))


def problems_of_folder(folder: Path) -> list[str]:
    """What keeps a new project from being made at `folder`, a line each; none if nothing does."""
    if folder == Path():
        return ["NAME is empty or this folder: name a new one, as in host new doorbell"]
    problems = []
    if os.path.lexists(folder):
        problems.append(f"{shown(folder)} exists: choose another name, or remove it first")
    elif not folder.absolute().parent.is_dir():
        problems.append(f"{shown(folder.parent)}: no such folder")
    if folder.name and (not is_name(folder.name) or is_reserved(folder.name)):
        problems.append(
            f"{short(shown(folder.name))!r} can't be a project's name: use letters "
            "without accents, digits, . _ and -, up to 40"
        )
    return problems


def problems_of_names(hear: tuple[str, ...]) -> list[str]:
    """What is wrong with the names of sounds, a line each; none if nothing is."""
    if not any(hear):
        return ["nothing to hear: name at least one sound, as in --hear knock,doorbell"]
    problems = []
    for number, name in enumerate(hear):
        if not name:
            problems.append("a name between two commas is empty")
        elif name in BACKGROUNDS:
            problems.append(f"{name} is the class of everything else: it is there by itself")
        elif name in hear[:number]:
            problems.append(f"{shown(name)} is named twice")
        elif twin := next((n for n in hear[:number] if n.casefold() == name.casefold()), None):
            problems.append(
                f"{shown(twin)} and {shown(name)} would share a folder on Windows and macOS: "
                "choose another name"
            )
        elif is_reserved(name):
            problems.append(f"{name} can't be a folder on Windows: choose another name")
        else:
            try:
                check_label(name)
            except UserError as error:
                problems.append(error.message)
    if len(hear) >= MOST_CLASSES:
        problems.append(f"{len(hear)} sounds: a model tells up to {MOST_CLASSES - 1} apart")
    return problems


def make(wish: Wish) -> list[Path]:
    """Makes the project's folder, complete or not at all.

    Args:
        wish: What it should be.

    Returns:
        The files that were made.

    Raises:
        UserError: The wish can't be met, or the folder can't be written.
    """
    check(wish)
    target = wish.folder.absolute()
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise cannot_write(target.parent, error) from error
    try:
        made.chmod(0o755)
        for label in _classes(wish):
            (made / "dataset" / folder_of(label)).mkdir(parents=True)
        for name, text in _files(wish).items():
            (made / name).write_text(text, encoding="utf-8")
        if network := _network(wish):
            shutil.copyfile(network, made / f"{target.name}.tflite")
        load(made)  # a spec that this program writes must be one that it reads
        made.rename(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    network_file = [f"{target.name}.tflite"] if _network(wish) else []
    return [wish.folder / name for name in [*_files(wish), *network_file]]


def _network(wish: Wish) -> Path | None:
    """The trained network of a ready model that is copied, if there is one."""
    if not isinstance(wish, _Copy) or wish.ready is None:
        return None
    file = wish.ready / f"{load(wish.ready).model.name}.tflite"
    return file if file.is_file() else None


def _files(wish: Wish) -> dict[str, str]:
    return {
        "spec.toml": copied_text(wish) if isinstance(wish, _Copy) else spec_text(wish),
        "platformio.ini": platformio_text(wish),
        ".gitignore": "# recordings stay where they are made unless you decide otherwise\n"
        "dataset/\nrecordings/\n.pio/\n.studio/\nbuild/\ncheckpoint.npz\n",
        "README.md": readme_text(wish),
    }


def _classes(wish: Wish) -> tuple[str, ...]:
    if isinstance(wish, _Copy) and wish.ready:
        return load(wish.ready).model.classes
    return (BACKGROUND, *wish.hear)


def copied_text(wish: Wish) -> str:
    """The text of a ready model's spec.toml, less its name and dataset: the project has its own."""
    assert wish.ready is not None
    lines = [f"# As Otolith's model {wish.ready.name}. `host spec show` lists every setting."]
    section = ""
    for line in spec_file(wish.ready).read_text(encoding="utf-8").splitlines():
        if found := _SECTION.match(line.strip()):
            section = found[1]
        key = line.partition("=")[0].strip()
        if section and (section, key) not in (("model", "name"), ("data", "path")):
            lines.append(line)
    return "\n".join(lines) + "\n"


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def spec_text(wish: Wish) -> str:
    """The text of the project's spec.toml."""
    kind = f'kind = "{wish.kind}"  # word, sound or alarm: decides what is not said here'
    board = f'board = "{wish.board}"  # the model must fit it; boards/ lists them'
    ready = None if wish.ready is None else _Ready.read(wish.ready)
    lines = [
        "# What this model hears. `host spec show` lists every setting in force.",
        "[model]",
        kind if ready is None else f'architecture = "{ready.architecture}"',
        "# The background takes part in training: the model learns from it what to ignore.",
        f"classes = [{_quoted((BACKGROUND, *wish.hear))}]",
        "",
        "[deploy]",
        board,
    ]
    if ready is None:
        lines += [
            "",
            "# Raise these for fewer false events, lower them for fewer misses.",
            "# [detect.thresholds]",
            *(f"# {_key(name)} = 0.8" for name in wish.hear),
        ]
    else:
        lines += [*ready.deploy, "", f"# As {ready.name} has them, so that its weights fit."]
        lines += ready.sections
        if ready.base:
            lines += ["", "[train]", f'base = "{ready.base}"']
    return "\n".join(lines).rstrip() + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


@dataclass(frozen=True)
class _Ready:
    """What a project takes from a ready model. base: Its folder if its weights are there."""

    name: str
    architecture: str
    base: str
    deploy: list[str]
    sections: list[str]

    @classmethod
    def read(cls, folder: Path) -> _Ready:
        spec = load(folder)
        weights = folder / f"{spec.model.name}.safetensors"
        deploy: list[str] = []
        sections: list[str] = []
        kept = ""
        for line in spec_file(folder).read_text(encoding="utf-8").splitlines():
            found = _SECTION.match(line.strip())
            if found:
                kept = found[1] if _COPIED.match(found[1]) else ""
            elif kept == "deploy" and line.startswith("hop_frames"):
                deploy.append(line)
            if kept and kept != "deploy":
                sections.append(line)
        base = folder.as_posix() if weights.exists() else ""
        return cls(spec.model.name, spec.model.architecture, base, deploy, sections)


def platformio_text(wish: Wish) -> str:
    """The text of the project's platformio.ini.

    It names the folders of this installation, so that `pio run` finds firmware and libraries.
    """
    home, name = paths.ROOT.as_posix(), wish.folder.name
    return f"""; `pio run -e {wish.board} -t upload` flashes firmware with {name}.tflite in it.
; The folders below are those of Otolith on this computer.
[platformio]
default_envs = {wish.board}
src_dir = {home}/firmware
lib_dir = {home}/lib
boards_dir = {home}/boards
core_dir = {paths.TOOLS.as_posix()}/pio-core

[env]
platform = symlink://{home}/platform
custom_app = inference
custom_model = {name}.tflite
lib_ldf_mode = off

[env:{wish.board}]
board = {wish.board}

; makes the board a microphone for `host record`
[env:{wish.board}-mic]
board = {wish.board}
custom_app = {_microphone_app(wish.board)}
"""


def _microphone_app(board: str) -> str:
    return "usb_mic" if named(board).console == "usb" else "serial_mic"


def readme_text(wish: Wish) -> str:
    """The text of the project's README.md."""
    name, first = wish.folder.name, wish.hear[0]
    known = _about_copy(wish) if isinstance(wish, _Copy) else ""
    records = "\n".join(f"       host record {label} --count 20" for label in wish.hear)
    return f"""# {name}

Hears {", ".join(wish.hear)} on {named(wish.board).name}. Run these commands in this folder.
{known}
1. Record with the microphone that will listen later. 20 takes of a sound are a good start. A few
   minutes of background teach the model what to ignore: the room, other sounds, people who talk.

{records}
       host record background --continuous

   A Pico with a microphone becomes a USB microphone with `pio run -e {wish.board}-mic -t upload`.
   Other recordings come in with `host data import FOLDER`.

2. Check the takes, and set some apart for the test.

       host data check
       host data split

3. Train. report.html shows how well the model hears.

       host train .

4. Build the firmware, flash it and listen. Without a board, the virtual Pico runs the firmware.

       host train-and-deploy . --no-train
       host monitor

`host spec show .` lists every setting in force and where it comes from. `{first}` makes an event
when its score passes the threshold: [detect.thresholds] in spec.toml changes it.
"""


def _about_copy(wish: Wish) -> str:
    """What the README of a copied ready model says first."""
    assert wish.ready is not None
    text = ""
    if _network(wish):
        text += f"""
{wish.folder.name}.tflite is the trained network of Otolith's model {wish.ready.name}: you can go
to step 4 at once. A training replaces it.
"""
    if load(wish.ready).data.synth:
        text += """
Until you record or import sounds, `host train .` learns from generated ones.
"""
    return text
