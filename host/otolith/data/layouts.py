"""Folders of sounds as they are published: what each file is, from where it lies."""

from __future__ import annotations

import csv
import os
import re
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otolith.data.metadata import SETS
from otolith.errors import UserError, shown

LAYOUTS = ("folders", "esc", "speech-commands")
# What lies beside sounds and is none.
_NOT_SOUNDS = {
    ".txt",
    ".csv",
    ".tsv",
    ".md",
    ".rst",
    ".json",
    ".xml",
    ".html",
    ".toml",
    ".yaml",
} | {
    *(".yml", ".pdf", ".png", ".jpg", ".jpeg", ".svg", ".py", ".ipynb", ".zip", ".gz", ".textgrid"),
}
_ESC_CLASS = re.compile(r"\d{3} ?- ?(.+)")
_ESC_CLIP = re.compile(r"(\d+)-([^-]+)-([A-Z]+)(?:-(\d+))?$")
_SPOKEN = re.compile(r"(.+)_nohash_\d+$")
_NOISE = "_background_noise_"
_LISTS = {"validation_list.txt": "validate", "testing_list.txt": "test"}
_FREESOUND = "freesound-"  # ESC names its sources by their numbers at freesound.org

Report = Callable[[str], None]


@dataclass(frozen=True)
class Item:
    """A file to import, and what its layout says about it.

    Attributes:
        source: Recording it was cut from. Empty: the layout names none.
        seconds: Length of the clips the layout cuts it into. 0: it stays whole.
        extra: Further columns for metadata.csv.
    """

    path: Path
    label: str
    speaker: str = ""
    source: str = ""
    set: str = ""
    note: str = ""
    seconds: float = 0.0
    extra: dict[str, str] = field(default_factory=dict)


def as_label(name: str) -> str:
    """A folder's name as a label: letters, digits, _ and -; "" if nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "_", plain.strip()).lstrip("-")[:64]


def _is_sound(path: Path) -> bool:
    suffix = path.suffix.lower()
    return bool(suffix) and suffix not in _NOT_SOUNDS and not path.name.startswith(".")


class Walk:
    """Folders below `root`, each once, links followed; `skip` (a dataset) left out."""

    def __init__(self, skip: Path | None, report: Report) -> None:
        self._seen: set[tuple[int, int]] = set()
        self._report = report
        if skip is not None and skip.is_dir():
            about = skip.stat()
            self._seen.add((about.st_dev, about.st_ino))

    def entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Folders and sound files in a folder, sorted."""
        try:
            about = os.stat(folder)
            if (about.st_dev, about.st_ino) in self._seen:
                return [], []
            self._seen.add((about.st_dev, about.st_ino))
            names = sorted(os.listdir(folder))
        except OSError as error:
            self._report(f"{shown(folder)}: {error.strerror}: nothing in it was imported")
            return [], []
        folders, files = [], []
        for name in names:
            path = folder / name
            if name.startswith("."):
                continue
            try:
                mode = path.stat().st_mode
            except OSError as error:
                self._report(f"{shown(path)}: {error.strerror}")
                continue
            if stat.S_ISDIR(mode):
                folders.append(path)
            elif not _is_sound(path):
                continue
            elif stat.S_ISREG(mode):
                files.append(path)
            else:
                self._report(f"{shown(path)}: no regular file")
        return folders, files

    def files(self, folder: Path) -> list[Path]:
        """All sound files below a folder."""
        folders, files = self.entries(folder)
        for child in folders:
            files += self.files(child)
        return files


def detect(folder: Path) -> str:
    """The layout of a folder, from its lists, its folders' names or its files' names."""
    if _esc_table(folder) or _ESC_CLASS.fullmatch(folder.resolve().name):
        return "esc"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return "folders"
    if any(name in names for name in (*_LISTS, _NOISE)):
        return "speech-commands"
    if any(_ESC_CLASS.fullmatch(name) for name in names):
        return "esc"
    for name in names:
        child = folder / name
        try:
            inside = sorted(os.listdir(child)) if child.is_dir() else [name]
        except OSError:
            continue
        stems = [Path(file).stem for file in inside if _is_sound(Path(file))]
        if stems and all(_SPOKEN.match(stem) for stem in stems):
            return "speech-commands"
    return "folders"


def _esc_table(folder: Path) -> Path | None:
    for path in (folder / "meta" / "esc50.csv", folder.parent / "meta" / "esc50.csv"):
        if path.is_file() and (folder.name == "audio" or path.parent.parent == folder):
            return path
    return None


def _labelled(path: Path, name: str, report: Report, **about: Any) -> list[Item]:
    label = as_label(name)
    if not label:
        report(f"{shown(path)}: no label in {shown(name)!r}: give one with --label")
        return []
    return [Item(path, label, **about)]


def _folders(root: Path, walk: Walk, label: str, report: Report) -> list[Item]:
    folders, files = walk.entries(root)
    name = label or root.resolve().name
    items = [item for path in files for item in _labelled(path, name, report)]
    for folder in folders:
        for path in walk.files(folder):
            items += _labelled(path, label or folder.name, report)
    return items


def _esc_about(fold: str, source: str) -> dict[str, Any]:
    """What a clip's fold and source put into its row.

    The columns fold and src_file are called as in ESC-50's own table. `source` says in words that
    other datasets share where the clip is from.
    """
    extra = {name: value for name, value in (("fold", fold), ("src_file", source)) if value}
    return {"source": _FREESOUND + source if source else "", "extra": extra}


def _esc_csv(table: Path, label: str, report: Report) -> list[Item]:
    audio = table.parent.parent / "audio"
    items = []
    try:
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            if not {"filename", "category"} <= set(reader.fieldnames or ()):
                raise UserError(f"{shown(table)}: no columns 'filename' and 'category' in it")
            for row in reader:
                where = f"{shown(table)}:{reader.line_num}"
                name, category = row["filename"] or "", row["category"] or ""
                if not name or os.path.basename(name) != name or not as_label(category):
                    report(f"{where}: names no file and category: left out")
                    continue
                path = audio / name
                if not path.is_file():
                    report(f"{where}: {shown(path)}: no such file")
                    continue
                match = _ESC_CLIP.match(path.stem)
                source = row.get("src_file") or (match[2] if match else "")
                fold = row.get("fold") or (match[1] if match else "")
                items += _labelled(path, label or category, report, **_esc_about(fold, source))
    except (OSError, csv.Error) as error:
        raise UserError(f"can't read {shown(table)}: {error}") from error
    return items


def _esc(root: Path, walk: Walk, label: str, report: Report) -> list[Item]:
    table = _esc_table(root)
    if table:
        return _esc_csv(table, label, report)
    folders, files = walk.entries(root)
    named = [(path, label or root.resolve().name) for path in files]
    for folder in folders:
        named += [(path, label or folder.name) for path in walk.files(folder)]
    items = []
    for path, name in named:
        match = _ESC_CLASS.fullmatch(name)
        clip = _ESC_CLIP.match(path.stem)
        about = _esc_about(clip[1], clip[2]) if clip else {}
        items += _labelled(path, match[1].lower() if match else name, report, **about)
    return items


def _listed(root: Path, report: Report) -> dict[str, str]:
    """Set of a file, by "label/name", from the lists of Speech Commands."""
    sets = {}
    for name, chosen in _LISTS.items():
        path = root / name
        try:
            lines = path.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            continue
        except OSError as error:
            report(f"{shown(path)}: {error.strerror}: its files go to no set")
            continue
        sets.update((line.strip(), chosen) for line in lines if line.strip())
    return sets


def _speech_commands(root: Path, walk: Walk, label: str, report: Report) -> list[Item]:
    sets = _listed(root, report)
    items: list[Item] = []
    folders, files = walk.entries(root)
    for path in files + [path for folder in folders for path in walk.files(folder)]:
        folder = path.parent.name if path.parent != root else root.resolve().name
        if folder == _NOISE:
            # minutes of noise among clips of a second
            items.append(Item(path, label or "background", seconds=1.0))
            continue
        match = _SPOKEN.match(path.stem)
        chosen = sets.get(f"{folder}/{path.name}", "train" if sets else "")
        speaker = match[1] if match else ""
        items += _labelled(path, label or folder, report, speaker=speaker, set=chosen)
    return items


_FIELDS = ("label", "speaker", "source", "set", "note")


def name_pattern(text: str) -> re.Pattern:
    """What "{label}_{speaker}_{take}" says of a file's name without its ending. Fields: label,
    speaker, source, set, note; any other name, or none, is passed over. UserError."""
    parts = re.split(r"\{(\w*)\}", text)
    fields = [name for name in parts[1::2] if name in _FIELDS]
    if "{" in "".join(parts[::2]) or "}" in "".join(parts[::2]) or "" in parts[2:-1:2]:
        raise UserError(f"--names {text}: fields in {{}}, with something between them")
    if len(set(fields)) < len(fields):
        raise UserError(f"--names {text}: a field stands twice")
    if not fields:
        raise UserError(f"--names {text}: none of {', '.join(f'{{{f}}}' for f in _FIELDS)} in it")
    found = "".join(
        (f"(?P<{part}>.+?)" if part in _FIELDS else ".*?") if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    return re.compile(found)


def _named(root: Path, walk: Walk, label: str, pattern: re.Pattern, report: Report) -> list[Item]:
    items = []
    for path in walk.files(root):
        match = pattern.fullmatch(path.stem)
        if match is None:
            report(f"{shown(path)}: its name is not as --names says: left out")
            continue
        about = match.groupdict()
        name = label or about.pop("label", "") or path.parent.resolve().name
        about.pop("label", None)
        if about.get("set", "train") not in SETS:
            report(f"{shown(path)}: {shown(about['set'])} is no set: one of {', '.join(SETS)}")
            continue
        items += _labelled(path, name, report, **about)
    return items


def items_of(
    path: Path,
    layout: str,
    label: str,
    skip: Path | None,
    report: Report,
    names: re.Pattern | None = None,
) -> tuple[list[Item], str]:
    """Files below `path` (or that file) and the layout; `report` gets a line for what is left out.

    layout: one of LAYOUTS or auto. label: for all files, "" for the layout's own. skip: a folder to
    leave out. names: what the files' names tell, instead of a layout. Raises UserError if `path` is
    not there.
    """
    if path.is_file():
        items = _labelled(path, label or path.resolve().parent.name, report)
        clip, spoken = _ESC_CLIP.match(path.stem), _SPOKEN.match(path.stem)
        if items and layout == "esc" and clip:
            return [Item(path, items[0].label, **_esc_about(clip[1], clip[2]))], "file"
        if items and spoken and layout in ("auto", "speech-commands"):
            return [Item(path, items[0].label, speaker=spoken[1])], "file"
        return items, "file"
    if not path.is_dir():
        raise UserError(f"{shown(path)}: no such file or folder")
    if names is not None:
        return _named(path, Walk(skip, report), label, names, report), "names"
    chosen = detect(path) if layout == "auto" else layout
    find = {"folders": _folders, "esc": _esc, "speech-commands": _speech_commands}[chosen]
    return find(path, Walk(skip, report), label, report), chosen
