"""Reads and writes metadata.csv of a dataset, which has one row for each clip.

Unknown columns and invalid rows are kept as they are.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from otolith import locks
from otolith.data.names import inside
from otolith.data.text import delimiter_of
from otolith.errors import UserError, short
from otolith.files import (
    cannot_write,
    disk_errors,
    is_orphan,
    owner_tag,
    remove_orphans,
    write_bytes,
)

NAME = "metadata.csv"
COLUMNS = ("file", "label", "set", "speaker", "device", "date", "gain", "source", "note")
SETS = ("train", "validate", "test")


@dataclass(slots=True)
class Row:
    """A row of metadata.csv. An empty field is unknown.

    Attributes:
        file: Path of the clip relative to the dataset, with /.
        label: Its class.
        set: train, validate or test.
        speaker: Who or what is heard. All clips of a speaker belong in one set.
        device: The microphone.
        date: When it was recorded, ISO 8601.
        gain: dB applied after the microphone.
        source: The recording it was cut from. All clips of a source belong in one set.
        note: Any remark.
        extra: Values of other columns, by name.
    """

    file: str
    label: str
    set: str = ""
    speaker: str = ""
    device: str = ""
    date: str = ""
    gain: str = ""
    source: str = ""
    note: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def fields(self, columns: list[str]) -> list[str]:
        """The values of the row in the order of `columns`."""
        return [
            getattr(self, name) if name in COLUMNS else self.extra.get(name, "") for name in columns
        ]


@dataclass
class Metadata:
    """The content of metadata.csv.

    Attributes:
        rows: All valid rows.
        columns: Column names in the order of the file.
        rejected: Fields of the invalid rows.
        problems: Why they are invalid, a line each.
        delimiter: Delimiter of the file that was read. Files are always saved with commas.
    """

    rows: list[Row] = field(default_factory=list)
    columns: list[str] = field(default_factory=lambda: list(COLUMNS))
    rejected: list[list[str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    delimiter: str = ","

    def by_file(self) -> dict[str, Row]:
        """The rows by file."""
        return {row.file: row for row in self.rows}

    def save(self, dataset: Path) -> None:
        """Replace metadata.csv of a dataset. Invalid rows go to its end. Raises UserError."""
        missing = [name for name in COLUMNS if name not in self.columns]
        columns = self.columns + missing
        lines = [columns, *(row.fields(columns) for row in self.rows), *self.rejected]
        write_bytes(dataset / NAME, _encode(lines))


def _encode(lines: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _problem(fields: list[str], columns: list[str], seen: set[str]) -> str | None:
    """Why a row is invalid, or None."""
    if len(fields) != len(columns):
        return f"{len(fields)} fields, the header has {len(columns)}"
    row = dict(zip(columns, fields, strict=True))
    path = PurePosixPath(row["file"])
    if not path.name or path.is_absolute() or ".." in path.parts:
        return f"file {short(row['file'])!r} is not a path below the dataset"
    if row["file"] in seen:
        return f"{short(row['file'])} has a row already"
    if not row["label"]:
        return f"{short(row['file'])} has no label"
    if row.get("set", "") not in ("", *SETS):
        return f"set {short(row['set'])!r} is none of {', '.join(SETS)}"
    return None


def load(dataset: Path) -> Metadata:
    """Read metadata.csv of a dataset.

    Args:
        dataset: Folder of the dataset.

    Returns:
        Its content. Empty if there is no such file.

    Raises:
        UserError: The file can't be read, or its header is invalid.
    """
    path = dataset / NAME
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except FileNotFoundError:
        return Metadata()
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}") from error
    found = Metadata(delimiter=delimiter_of(text.partition("\n")[0]))
    table = io.StringIO(text.replace("\0", "\ufffd"), newline="")
    reader = csv.reader(table, delimiter=found.delimiter)
    seen: set[str] = set()
    try:
        header = next(reader, None)
        if header is None:
            return found
        found.columns = [name.strip() for name in header]
        if len(set(found.columns)) != len(found.columns):
            raise UserError(f"{path}: two columns have one name: rename one")
        if not {"file", "label"} <= set(found.columns):
            raise UserError(f"{path}: no columns 'file' and 'label' in its first line: add them")
        for fields in reader:
            if not fields:
                continue
            problem = _problem(fields, found.columns, seen)
            if problem:
                found.problems.append(f"{path}:{reader.line_num}: {problem}")
                found.rejected.append(fields)
                continue
            values = dict(zip(found.columns, fields, strict=True))
            seen.add(values["file"])
            # most columns repeat the same few values, so intern them
            values = {k: v if k == "file" else sys.intern(v) for k, v in values.items()}
            extra = {name: values.pop(name) for name in found.columns if name not in COLUMNS}
            found.rows.append(Row(**values, extra=extra))
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: {error}: fix this line by hand") from error
    return found


_PENDING = ".pending"  # lists of the files that are being added or removed, one path a line


def _recover(dataset: Path) -> None:
    """Clean up after commands that were killed.

    Files they were adding or removing are kept if they have a row, and removed otherwise. Temporary
    files are removed.
    """
    try:
        names = [name for name in os.listdir(dataset) if name.startswith(".")]
    except OSError:
        return
    lists = [dataset / name for name in names if name.startswith(f"{_PENDING}-")]
    files: set[str] = set()
    for path in lists:
        if is_orphan(path):
            with contextlib.suppress(OSError):
                files.update(path.read_text("utf-8", "surrogateescape").splitlines())
    if files:
        found = load(dataset)
        known = {row.file for row in found.rows}
        known.update(value for fields in found.rejected for value in fields)
        for file in files - known:
            with contextlib.suppress(OSError, UserError):
                path = inside(dataset, file)
                path.unlink()
                path.parent.rmdir()
        for folder in {(dataset / file).parent for file in files}:
            remove_orphans(folder)
    if any(is_orphan(dataset / name) for name in names):
        remove_orphans(dataset)


@contextmanager
def pending(dataset: Path, files: Iterable[str]) -> Iterator[None]:
    """Record which files the block adds or removes.

    If the process is killed within the block, the next command removes those of the files that have
    no row. The dataset must be locked.

    Args:
        dataset: Folder of the dataset.
        files: Paths as in metadata.csv.

    Raises:
        UserError: The disk can't be written.
    """
    with disk_errors(dataset):
        fd, name = tempfile.mkstemp(prefix=f"{_PENDING}{owner_tag()}", dir=dataset)
        try:
            with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.writelines(f"{line}\n" for line in files if "\n" not in line)
        except BaseException:
            os.unlink(name)
            raise
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


@contextmanager
def lock(dataset: Path) -> Iterator[None]:
    """Lock a dataset against changes by other processes.

    Creates the folder if it does not exist, and cleans up after commands that were killed. Waits
    while another process holds the lock.

    Raises:
        UserError: The folder can't be used.
    """
    try:
        dataset.mkdir(parents=True, exist_ok=True)
        descriptor = locks.open_folder(dataset)
    except OSError as error:
        raise UserError(f"can't use {dataset} as a dataset: {error.strerror}") from error
    try:
        locks.hold(descriptor)
        _recover(dataset)
        yield
    finally:
        os.close(descriptor)


def add_row(dataset: Path, row: Row) -> None:
    """Append a row and flush it to disk. On an error (UserError) the file is unchanged."""
    with lock(dataset):
        path = dataset / NAME
        if not path.exists() or path.stat().st_size == 0:
            write_bytes(path, _encode([list(COLUMNS)]))
        metadata = load(dataset)
        whole = metadata.delimiter == "," and not path.is_symlink()
        if set(COLUMNS) - set(metadata.columns) or not whole:
            metadata.rows.append(row)
            metadata.save(dataset)
            return
        try:
            _append(path, _encode([row.fields(metadata.columns)]))
        except OSError as error:
            raise cannot_write(path, error) from error


def _append(path: Path, line: bytes) -> None:
    with path.open("r+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(end - 1)
        data = line if file.read(1) == b"\n" else b"\n" + line
        try:
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(end)
            raise
