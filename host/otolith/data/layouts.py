"""Layouts of published sound collections: finds the label, set and speaker of each file."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from otolith.data.metadata import SETS
from otolith.data.names import as_label
from otolith.data.text import decode, delimiter_of
from otolith.errors import UserError, shown

LAYOUTS = ("folders", "table", "esc", "speech-commands")
# Suffixes of files that are found beside sounds.
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
        source: Recording it was cut from. Empty if the layout names none.
        seconds: Length of the clips to cut it into. 0 keeps it whole.
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


def _is_sound(path: Path) -> bool:
    suffix = path.suffix.lower()
    return bool(suffix) and suffix not in _NOT_SOUNDS and not path.name.startswith(".")


class Walk:
    """Lists folders. Follows links, visits each folder once and leaves out `skip` (a dataset)."""

    def __init__(self, skip: Path | None, report: Report) -> None:
        self._seen: set[tuple[int, int]] = set()
        self._report = report
        if skip is not None and skip.is_dir():
            about = skip.stat()
            self._seen.add((about.st_dev, about.st_ino))

    def entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Folders and sound files in a folder, sorted. Empty if the folder was visited before."""
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
    """Guess the layout of a folder from its lists, its folders' names or its files' names.

    Returns:
        One of LAYOUTS. "folders" if the folder looks like none of the others.
    """
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
    return "table" if _describes(table_beside(folder), folder) else "folders"


def _describes(table: Table | None, folder: Path) -> bool:
    """Whether a table names files of a folder."""
    if table is None:
        return False
    wanted = {_basename(name) for name, _, _ in table.rows[:1000]}
    there = {name for _, _, files in os.walk(folder) for name in files}
    return bool(wanted & (there | {os.path.splitext(name)[0] for name in there}))


def _basename(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


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


# Names of the sets in folders and columns.
_SET_NAMES = {
    **dict.fromkeys(("train", "training", "training_set", "train_set"), "train"),
    **dict.fromkeys(
        ("val", "valid", "validate", "validation", "dev", "validation_set"), "validate"
    ),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "test_set", "testing_set"), "test"),
}


def set_named(name: str) -> str:
    """The set that the name of a folder or a value of a column stands for, or ""."""
    return _SET_NAMES.get(name.strip().casefold().replace("-", "_").replace(" ", "_"), "")


def _are_sets(folders: list[Path]) -> bool:
    """Whether sibling folders are sets, and not classes that happen to have such names."""
    if not folders or not all(set_named(folder.name) for folder in folders):
        return False
    if len({set_named(folder.name) for folder in folders}) > 1:
        return True
    try:
        return any(entry.is_dir() for entry in os.scandir(folders[0]))
    except OSError:
        return False


def _folders(root: Path, walk: Walk, label: str, report: Report) -> list[Item]:
    """The folder that holds a file is its class. Folders named like sets are sets."""
    items: list[Item] = []
    loose: list[tuple[Path, str]] = []  # files outside class folders, and their sets

    def visit(folder: Path, name: str, chosen: str) -> None:
        folders, files = walk.entries(folder)
        for path in files:
            if name or label:
                items.extend(_labelled(path, label or name, report, set=chosen))
            else:
                loose.append((path, chosen))
        sets = _are_sets(folders)
        for child in folders:
            if sets:
                visit(child, name, set_named(child.name))
            else:
                visit(child, child.name, chosen)

    visit(root, "", "")
    pattern = guess_names([path.stem for path, _ in loose])
    for path, chosen in loose:
        match = pattern and re.fullmatch(pattern, path.stem)
        about = match.groupdict() if match else {"label": root.resolve().name}
        items += _labelled(path, about.pop("label"), report, set=chosen, **about)
    return _with_speakers(items)


def _with_speakers(items: list[Item]) -> list[Item]:
    """Take speakers or sources from file names that begin with one.

    An example is 00000017_NO_03: speaker, word, take.
    """
    pattern = re.compile(r"([^_-]+)[_-].+")
    found = [pattern.fullmatch(item.path.stem) for item in items]
    names = [match[1] for match in found if match]
    if len(names) < _FEWEST_NAMED or len(names) < len(items) or any(i.speaker for i in items):
        return items
    if not all(_SPEAKER.fullmatch(name) for name in names) or len(set(names)) > len(names) // 2:
        return items
    numbers = all(name.isdigit() and name[0] != "0" for name in names)
    what = "source" if numbers else "speaker"
    pairs = zip(items, names, strict=True)
    if what == "source":
        return [replace(item, source=name) for item, name in pairs]
    return [replace(item, speaker=name) for item, name in pairs]


_FOLD_CLIP = r"\d+-(?P<source>.+)-[A-Z]+-(?P<label>\d+)"  # fold, source, take and class
_FEWEST_NAMED = 6  # files needed to guess from their names
# speakers: s01, speaker12, 00000017, 004ae714
_SPEAKER = re.compile(r"(?i)[a-z]{1,10}[0-9]{1,8}|[0-9]{3,8}|(?=.*\d)[0-9a-f]{6,40}")


def guess_names(stems: list[str]) -> str:
    """Guess what the parts of file names mean when there are no class folders.

    Names such as 7_jackson_32 and anna-yes-1 consist of a word, a speaker and sometimes the number
    of the take, separated by _ or -. Names of ESC clips are recognised too.

    Args:
        stems: File names without suffix.

    Returns:
        A regular expression with the group label and sometimes speaker or source. "" if the names
        have no such form.
    """
    if len(stems) >= _FEWEST_NAMED and all(re.fullmatch(_FOLD_CLIP, stem) for stem in stems):
        return _FOLD_CLIP
    for separator in "_-":
        rows = [stem.split(separator) for stem in stems]
        width = len(rows[0]) if rows else 0
        if len(rows) < _FEWEST_NAMED or not 2 <= width <= 3 or any(len(r) != width for r in rows):
            continue
        columns = [[row[at].casefold() for row in rows] for at in range(width)]
        parts = ["[^" + separator + "]+"] * width
        if all(text.isdigit() for text in columns[-1]) and len(set(columns[-1])) > 1:
            columns.pop()  # the take
        # words are repeated, and there are several
        words = [at for at, column in enumerate(columns) if 2 <= len(set(column)) <= len(rows) // 2]
        people = [at for at in words if all(_SPEAKER.fullmatch(text) for text in columns[at])]
        spoken = [at for at in words if at not in people] or (words if len(words) == 1 else [])
        if not spoken and len(people) == 2:  # 7_3_12: digits spoken by numbered speakers
            spoken, people = people[:1], people[1:]
        if not spoken:
            continue
        people = people or spoken[1:]
        parts[spoken[0]] = f"(?P<label>{parts[spoken[0]]})"
        if people and people[0] != spoken[0]:
            parts[people[0]] = f"(?P<speaker>{parts[people[0]]})"
        return re.escape(separator).join(parts)
    return ""


# Column names in tables of labels, best first.
_COLUMNS = {
    "file": (
        *("file", "filename", "file_name", "fname", "path", "filepath", "file_path"),
        *("slice_file_name", "audio", "audio_file", "wav", "clip", "recording", "name"),
    ),
    "label": (
        *("label", "category", "class", "class_name", "classname", "class_label", "word"),
        *("keyword", "tag", "species", "sound", "event", "labels", "target"),
    ),
    "set": ("set", "split", "subset", "partition"),
    "speaker": ("speaker", "speaker_id", "client_id", "subject"),
    "source": ("source", "src_file", "source_file", "freesound_id", "fsid"),
    "fold": ("fold",),
}
_LARGEST_TABLE = 64 << 20  # bytes


@dataclass(frozen=True)
class Table:
    """A table of labels beside sounds.

    Attributes:
        path: The CSV file.
        rows: For each line: the file it names, its values by the keys of _COLUMNS, its number.
    """

    path: Path
    rows: list[tuple[str, dict[str, str], int]]


def _read_table(path: Path) -> Table | None:
    """Read a CSV file with columns for file and label. Without a header, these are the first two.

    Returns None if it is no such table.
    """
    if path.stat().st_size > _LARGEST_TABLE:
        return None
    text = decode(path.read_bytes())
    first = text.lstrip("\r\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(first))
    try:
        header = [name.strip().casefold().replace(" ", "_") for name in next(reader, [])]
        at = {
            what: header.index(found)
            for what, names in _COLUMNS.items()
            if (found := next((name for name in names if name in header), None))
        }
        rows: list[tuple[str, dict[str, str], int]] = []
        if not {"file", "label"} <= set(at):
            if len(header) < 2 or not _is_sound(Path(header[0])):
                return None
            at = {"file": 0, "label": 1}
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(first))
        for fields in reader:
            if len(fields) > max(at["file"], at["label"]):
                values = {what: fields[i].strip() for what, i in at.items() if i < len(fields)}
                rows.append((values.pop("file"), values, reader.line_num))
    except csv.Error:
        return None
    return Table(path, rows)


def table_beside(root: Path) -> Table | None:
    """Find the table of labels for a folder of sounds.

    The table may be in the folder, in a folder such as meta, or beside the folder. Returns None if
    there is no table.
    """
    folders = [root, *(root / name for name in ("meta", "metadata", "annotations", "labels"))]
    if root.name.casefold() in ("audio", "wav", "wavs", "clips", "sounds", "data"):
        folders += [root.parent, *(root.parent / name for name in ("meta", "metadata"))]
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            if name.casefold().endswith((".csv", ".tsv")) and not name.startswith("."):
                with contextlib.suppress(OSError):
                    table = _read_table(folder / name)
                    if table and table.rows:
                        return table
    return None


def _table(root: Path, walk: Walk, label: str, report: Report) -> list[Item]:
    """Labels come from a table beside the files."""
    table = table_beside(root)
    if table is None:
        raise UserError(
            f"{shown(root)}: no table with columns 'file' and 'label' in it or beside it"
        )
    files = walk.files(root)
    by_name: dict[str, list[Path]] = {}
    for path in files:
        below = path.relative_to(root).as_posix()
        for name in {below, path.name, path.stem, below.rpartition(".")[0]}:
            by_name.setdefault(name, []).append(path)
    items, used, missing = [], set(), 0
    for name, about, line in table.rows:
        plain = name.replace("\\", "/").removeprefix("./")
        found = by_name.get(plain) or by_name.get(_basename(plain)) or []
        if len(found) != 1:
            missing += 1
            if missing <= 3:
                what = "no such file" if not found else f"{len(found)} files have this name"
                report(f"{shown(table.path)}:{line}: {shown(name)}: {what}")
            continue
        if found[0] in used:
            report(f"{shown(table.path)}:{line}: {shown(name)} has a line already: passed over")
            continue
        used.add(found[0])
        extra = {"fold": about["fold"]} if about.get("fold") else {}
        items += _labelled(
            found[0],
            label or about.get("label", ""),
            report,
            set=set_named(about.get("set", "")),
            speaker=about.get("speaker", ""),
            source=about.get("source", ""),
            extra=extra,
        )
    if missing > 3:
        report(f"{shown(table.path)}: {missing} lines in all do not name a file")
    if len(used) < len(files):
        first = next(path for path in files if path not in used)
        report(f"{shown(table.path)}: {len(files) - len(used)} files have no line ({shown(first)})")
    return items


def _esc_about(fold: str, source: str) -> dict[str, Any]:
    """Columns for the fold and the source of an ESC clip.

    The columns fold and src_file have the names of ESC-50's own table. `source` names the recording
    in a form that other datasets share.
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
    """Read the lists of Speech Commands. Returns the set of each "label/name"."""
    sets: dict[str, str] = {}
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
            # minutes of noise, cut into clips as long as the others
            items.append(Item(path, label or "background", seconds=1.0))
            continue
        match = _SPOKEN.match(path.stem)
        chosen = sets.get(f"{folder}/{path.name}", "train" if sets else "")
        speaker = match[1] if match else ""
        items += _labelled(path, label or folder, report, speaker=speaker, set=chosen)
    return items


_FIELDS = ("label", "speaker", "source", "set", "note")


def name_pattern(text: str) -> re.Pattern:
    """Compile a pattern of file names such as "{label}_{speaker}_{take}".

    Args:
        text: The pattern of the name without suffix. The fields label, speaker, source, set and
            note are used. Any other field, and {}, matches anything and is ignored.

    Returns:
        A regular expression with a group for each field.

    Raises:
        UserError: Fields are missing, repeated or not separated.
    """
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
            report(f"{shown(path)}: its name is not matched by --names: left out")
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
    """List the files to import from a folder, or a single file.

    Args:
        path: A folder or a sound file.
        layout: One of LAYOUTS, or "auto" to guess it.
        label: Label of all files. "" takes the labels from the layout.
        skip: A folder to leave out, such as the dataset itself.
        report: Gets a line for each file or folder left out.
        names: Pattern of the file names (name_pattern), used instead of a layout.

    Returns:
        The files, and the layout that was used: one of LAYOUTS, "file" or "names".

    Raises:
        UserError: `path` does not exist, or the layout's table is missing or unreadable.
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
    find = _FINDERS[chosen]
    return find(path, Walk(skip, report), label, report), chosen


_FINDERS = {
    "folders": _folders,
    "table": _table,
    "esc": _esc,
    "speech-commands": _speech_commands,
}
