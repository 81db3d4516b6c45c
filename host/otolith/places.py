"""Files and folders at any address that fsspec knows: s3://, gs://, memory:// and others.

What a command reads from such an address is copied to this computer first. A second command copies
only what has changed. The copy of a folder keeps its structure, so all code works on local paths.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import click

from otolith import paths
from otolith.errors import UserError, short, shown
from otolith.files import disk_errors, make_folder, write_text
from otolith.progress import bar

COPIES = paths.cache(paths.TOOLS / "remote")
_ADDRESS = ".address"  # in the folder of a copy: where it is from
_STAMPS = ".stamps.json"  # and what each file was when it was copied
_TRACK = ".txt"  # a label track lies beside its recording


def is_address(text: str) -> bool:
    """Whether a text is an address for fsspec, such as s3://bucket/folder, and not a path."""
    scheme, colon, _ = text.partition("://")
    return bool(colon) and scheme.replace("+", "").replace(":", "").isalnum()


def local(place: str | Path) -> Path:
    """Where a file or folder can be read on this computer. It is copied if need be.

    Args:
        place: A path, or an address. For a file, a label track beside it is copied too. Paths in
            copies that another computer has made are copied here as well.

    Returns:
        `place`, or the path of the copy.

    Raises:
        UserError: The address can't be read, or the disk is full.
    """
    text = str(place)
    if not is_address(text):
        return Path(place)
    fs, path = _open(text)
    with _readable(text):
        about = fs.info(path)
    if about["type"] == "directory":
        folder = COPIES / _digest(text)
        with _readable(text):
            found = fs.find(path, detail=True)
        root = about["name"].strip("/")
        below = {name.strip("/").removeprefix(root).lstrip("/"): name for name in found}
        _copy(fs, text.rstrip("/"), folder, below, whole=True)
        return folder
    above, _, name = text.rstrip("/").rpartition("/")
    folder = COPIES / _digest(above)
    wanted = {name: path}
    track = str(PurePosixPath(path).with_suffix(_TRACK))
    with _readable(text):
        if track != path and fs.exists(track):
            wanted[PurePosixPath(track).name] = track
    _copy(fs, above, folder, wanted, whole=False)
    return folder / name


def portable(path: str | Path) -> str:
    """A text from which local() finds a file on any computer of a cluster.

    Args:
        path: A path, perhaps in a copy that local() has made.

    Returns:
        The address that the file was copied from. Other paths are made absolute: all computers
        must have them.
    """
    text = str(path)
    if is_address(text):
        return text
    absolute = Path(path).absolute()
    with contextlib.suppress(ValueError):
        below = absolute.relative_to(COPIES.absolute())
        if below.parts:
            address = (COPIES / below.parts[0] / _ADDRESS).read_text("utf-8").rstrip("/")
            return "/".join([address, *below.parts[1:]])
    return str(absolute)


def _digest(address: str) -> str:
    return hashlib.sha256(address.rstrip("/").encode("utf-8", "surrogateescape")).hexdigest()[:24]


@contextlib.contextmanager
def _readable(address: str) -> Iterator[None]:
    """Turn any error of a file system into a UserError about the address."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{shown(address)}: no such file or folder") from error
    except Exception as error:  # each file system has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"can't read {shown(address)}: {short(reason)}") from error


def _open(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    import fsspec

    scheme = address.partition("://")[0]
    try:
        fs, path = fsspec.url_to_fs(address)
    except ImportError as error:
        raise UserError(
            f"{shown(address)}: {scheme}:// needs another package: {short(shown(error))}"
        ) from error
    except ValueError as error:
        raise UserError(f"{shown(address)}: no kind of address that fsspec knows") from error
    except Exception as error:  # each file system has errors of its own
        raise UserError(f"{shown(address)}: {short(shown(error))}") from error
    return fs, path


def _copy(fs: Any, address: str, folder: Path, wanted: dict[str, str], whole: bool) -> None:
    """Copy the files that are missing or have changed.

    Args:
        fs: The file system.
        address: Address of the folder.
        folder: Its copy.
        wanted: Path in the file system by path below the folder.
        whole: Whether `wanted` is all of it, so that other files in the copy are removed.
    """
    import filelock

    for name in wanted:
        if not _is_below(name):
            raise UserError(f"{shown(address)}: a file in it is called {short(shown(name))}")
    make_folder(folder)
    with filelock.FileLock(folder.with_suffix(".lock")):
        stamps = _stamps(folder)
        write_text(folder / _ADDRESS, address)
        now = {}
        with _readable(address):
            now = {name: str(fs.ukey(path)) for name, path in wanted.items()}
        todo = [n for n in wanted if stamps.get(n) != now[n] or not (folder / n).is_file()]
        told = bar("copying", len(todo)) if todo else contextlib.nullcontext(lambda: None)
        try:
            with told as step:
                for name in todo:
                    _copy_file(fs, wanted[name], folder / name, f"{address}/{name}")
                    stamps[name] = now[name]
                    step()
        finally:
            if whole:
                for name in set(stamps) - set(wanted):
                    (folder / name).unlink(missing_ok=True)
                    del stamps[name]
            write_text(folder / _STAMPS, json.dumps(stamps))


def _copy_file(fs: Any, path: str, to: Path, address: str) -> None:
    make_folder(to.parent)
    part = to.with_name(f".{to.name[:200]}.part")
    try:
        with _readable(address):
            fs.get_file(path, str(part))
        with disk_errors(to):
            os.replace(part, to)
    finally:
        part.unlink(missing_ok=True)


def _stamps(folder: Path) -> dict[str, str]:
    try:
        stamps = json.loads((folder / _STAMPS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in stamps.items() if _is_below(str(k))}


def _is_below(name: str) -> bool:
    """Whether a path stays below its folder, and is none of the files of this module."""
    path = PurePosixPath(name)
    first = name.split("/")[0]
    return (
        bool(path.name)
        and not path.is_absolute()
        and ".." not in path.parts
        and not {"\\", "\0"} & set(name)
        and first not in (_ADDRESS, _STAMPS)
    )


class Place(click.ParamType):
    """A path on the command line that may also be an address. It becomes a local path."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Copy what an address names, and return the path of the copy."""
        return value if isinstance(value, Path) else local(value)


class OwnFolder(click.ParamType):
    """A folder on the command line that the command changes, so it can be at no address."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if is_address(str(value)):
            raise UserError(
                f"{shown(value)}: this command changes the dataset, so it must be on this computer"
            )
        return Path(value)


PLACE = Place()
OWN_FOLDER = OwnFolder()
