"""Building and uploading firmware with PlatformIO."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError
from otolith.files import disk_errors, make_folder
from otolith.firmware import tflm
from otolith.paths import (
    BOARDS,
    INSTALLED,
    LIB,
    MODELS,
    ROOT,
    TOOLS,
    USER_CACHE,
    cache,
    writable,
)
from otolith.progress import shares

USUAL_FILES = 110  # compiled by the first build of an inference app for the Pico


@dataclass(frozen=True)
class Firmware:
    """What a build leaves in <build folder>/<env>/."""

    env: str
    folder: Path

    @property
    def uf2(self) -> Path:
        return self.folder / "firmware.uf2"

    @property
    def elf(self) -> Path:
        return self.folder / "firmware.elf"

    @property
    def map(self) -> Path:
        return self.folder / "firmware.map"


def platformio(
    *arguments: str,
    model: Path | Sequence[Path] | None = None,
    told: Callable[[str], None] = lambda line: None,
    **variables: str,
) -> str:
    """Run PlatformIO in this checkout; its output, or a UserError with its last telling line.

    told: Gets every line as soon as PlatformIO prints it.
    """
    project, own = _project()
    environment = {**os.environ, **own, **variables}
    if model is not None:
        models = [model] if isinstance(model, str | Path) else model
        environment["OTOLITH_MODEL"] = os.pathsep.join(str(Path(m).resolve()) for m in models)
    output = []
    with subprocess.Popen(
        [sys.executable, "-m", "platformio", "run", "-d", str(project), *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            output.append(line)
            told(line)
    if running.returncode:
        lines = [line.strip() for line in output if line.strip()]
        telling = [line for line in lines if line.startswith("Error:")] or [
            line for line in lines if "error:" in line.lower()
        ]
        reason = (telling or lines or ["no output"])[0].removeprefix("Error: ")
        if reason.startswith("collect2:"):  # what the linker said stands before it
            reason = lines[max(0, lines.index(reason) - 1)]
        raise UserError(f"pio run {' '.join(arguments)}: {reason}")
    return "".join(output)


@contextmanager
def _progress(what: str, env: str) -> Iterator[Callable[[str], None]]:
    """A progress bar of a build: the function that takes PlatformIO's lines.

    How many files a build compiles is known from the last build of everything in this folder, and
    guessed before that. A later build compiles few of them, and so ends early.
    """
    kept = build_folder() / env / "compiled.txt"
    try:
        total = int(kept.read_text())
    except (OSError, ValueError):
        total = USUAL_FILES
    compiled = 0
    with shares(what) as show:

        def told(line: str) -> None:
            nonlocal compiled
            if line.startswith("Compiling "):
                compiled += 1
                show(min(compiled / total, 0.98))

        yield told
        if compiled > total or (compiled and not kept.exists()):
            with suppress(OSError):
                kept.write_text(f"{compiled}\n")


def build_folder() -> Path:
    """Where PlatformIO builds; a user may move it, as tests do."""
    return Path(os.environ.get("PLATFORMIO_BUILD_DIR") or cache(ROOT / ".pio" / "build"))


def _project() -> tuple[Path, dict[str, str]]:
    """PlatformIO's project folder, and the variables that tell it where to write.

    PlatformIO takes only folders that it can write to. A user who can't write to the checkout, or
    who has installed a wheel, gets folders of links to its project and packages.
    """
    core = TOOLS / "pio-core"
    if not INSTALLED and writable(core) and writable(ROOT / ".pio"):
        return ROOT, {}
    project, own_core = USER_CACHE / "project", USER_CACHE / "pio-core"
    _link(project, (ROOT / "platformio.ini", ROOT / "firmware", ROOT / "platform"))
    _link(project, (BOARDS, LIB, MODELS))
    if not INSTALLED:
        _link(project, (ROOT / "host", TOOLS))
    # a link to a platform of another installation would build that one's sources
    for kind in ("packages",) if INSTALLED else ("packages", "platforms"):
        _link(own_core / kind, (p for p in (core / kind).glob("*") if p.suffix != ".lock"))
    own = {
        "PLATFORMIO_CORE_DIR": own_core,
        "PLATFORMIO_WORKSPACE_DIR": USER_CACHE / "pio",
        "PLATFORMIO_BUILD_DIR": build_folder(),
    }
    return project, {name: str(path) for name, path in own.items()}


def _link(folder: Path, targets: Iterable[Path]) -> None:
    make_folder(folder)
    with disk_errors(folder):
        for target in targets:
            link = folder / target.name
            if sys.platform == "win32":  # links need rights there that users don't have
                _copy(target, link)
                continue
            with suppress(FileExistsError):
                link.symlink_to(target)


def _copy(target: Path, copy: Path) -> None:
    if target.is_dir():
        shutil.copytree(target, copy, dirs_exist_ok=True)
    elif target.exists():
        shutil.copy(target, copy)


def _board_options(options: Sequence[str]) -> dict[str, str]:
    """The variable that tells the build about options; empty if there are none."""
    return {"OTOLITH_BOARD_OPTIONS": " ".join(options)} if options else {}


def build(
    env: str,
    model: Path | Sequence[Path] | None = None,
    keep_rows: bool = True,
    gate: str | None = None,
    options: Sequence[str] = (),
) -> Firmware:
    """Build environment `env` of platformio.ini around `model`: a .tflite, or several.

    keep_rows: False computes every window whole, whatever the model says. gate: name of the one
    network of several that gates the others. options: what differs from the board's JSON, such as
    "microphone=i2s" (otolith.device.boards.OPTIONS)."""
    tflm.require(env)
    told = {} if keep_rows else {"OTOLITH_KEEP_ROWS": "no"}
    told |= _board_options(options)
    gated = {"OTOLITH_GATE": gate} if gate else {}
    with _progress(f"building firmware for {env}", env) as lines:
        platformio("-e", env, model=model, told=lines, **told, **gated)
    return Firmware(env, build_folder() / env)


def upload(
    env: str,
    model: Path | Sequence[Path] | None = None,
    port: str | None = None,
    gate: str | None = None,
    options: Sequence[str] = (),
) -> None:
    """Build and upload; `port` is the serial port of a board that runs Otolith already.

    model, gate, options: as for build()."""
    arguments = ["-e", env, "-t", "upload"]
    if port:
        arguments += ["--upload-port", port]
    given = _board_options(options) | ({"OTOLITH_GATE": gate} if gate else {})
    with _progress(f"building and uploading to {env}", env) as told:
        platformio(*arguments, model=model, told=told, **given)
