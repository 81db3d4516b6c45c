"""Compiles lib/ for this computer and calls it through cffi, to get the chip's own integers.

Libraries are built on first use. The name of a library's file contains a hash of its sources,
headers and flags. So a changed source never uses an old library, and several processes can build at
once. The declarations come from the headers (declarations.py).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cffi

from otolith import paths
from otolith.errors import UserError
from otolith.files import replacing, write_text
from otolith.native.compiler import ALWAYS, FLAGS, SUFFIX, c_compiler, missing
from otolith.native.declarations import declarations

FILTER = Path(__file__).with_name("declarations.py")
INCLUDED = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.M)


def _content(sources: Iterable[Path], include: Sequence[Path]) -> Iterable[bytes]:
    """The bytes of `sources` and of every project header that they include, each file once."""
    waiting, seen = [Path(s).resolve() for s in sources], set()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        data = path.read_bytes()
        yield data
        for name in INCLUDED.findall(data):
            for folder in (path.parent, *include):
                header = Path(folder) / name.decode()
                if header.is_file():
                    waiting.append(header.resolve())
                    break


def _command(flags: Sequence[str]) -> list[str]:
    return [*c_compiler(), *FLAGS, *flags]


def library_path(
    name: str, sources: Sequence[Path], include: Sequence[Path] = (), flags: Sequence[str] = ()
) -> Path:
    """The path at which the library of `sources` is or will be.

    The file's name contains a hash of the sources, the headers they include, the compiler and the
    flags. A library that the wheel carries was built by another compiler, so its hash has none.

    Args:
        name: Name of the library.
        sources: C files.
        include: Folders of headers.
        flags: Compiler flags.

    Raises:
        UserError: A source can't be read.
    """
    carried = _carried(name, sources, include, flags, SUFFIX)
    if carried.exists():
        return carried
    return _kept(f"{name}-{_digest(sources, include, _command(flags))}{SUFFIX}")


def _carried(
    name: str, sources: Sequence[Path], include: Sequence[Path], flags: Sequence[str], suffix: str
) -> Path:
    """Where a released wheel has a library or its declarations."""
    if not paths.PREBUILT.is_dir() or os.environ.get("CC"):
        return paths.PREBUILT / "none"
    return paths.PREBUILT / f"{name}-{_digest(sources, include, [*ALWAYS, *flags])}{suffix}"


def _digest(sources: Sequence[Path], include: Sequence[Path], command: Sequence[str]) -> str:
    digest = hashlib.sha256(repr(list(command)).encode())
    try:
        for data in _content(sources, include):
            digest.update(len(data).to_bytes(8, "little") + data)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}: run `host setup`") from error
    return digest.hexdigest()[:16]


def _kept(name: str) -> Path:
    """Where a cached file is or will be. A user's own cache adds to that of the owner."""
    if paths.OWNERS is not None and os.access(paths.OWNERS / name, os.R_OK):
        return paths.OWNERS / name
    return paths.NATIVE / name


def _compile(name: str, command: Sequence[str]) -> None:
    """Runs the compiler; a UserError with its first error, or that there is no compiler."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise missing(command[0]) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        raise UserError(f"{name}: {(lines or ['the C compiler failed'])[0]}")


def _object(source: Path, include: Sequence[Path], flags: Sequence[str]) -> Path:
    """Compiles a source that many libraries share, unless that was done already."""
    target = _kept(f"objects/{source.stem}-{_digest([source], include, _command(flags))}.o")
    if not target.exists():
        with replacing(target) as temporary:
            command = [*_command(flags), *(f"-I{i}" for i in include)]
            _compile(source.name, [*command, "-c", str(source), "-o", str(temporary)])
    return target


def build(
    name: str,
    sources: Sequence[Path],
    include: Sequence[Path] = (),
    flags: Sequence[str] = (),
    shared: Sequence[Path] = (),
) -> Path:
    """Compiles `sources` into a shared library below paths.NATIVE, unless it exists already.

    Args:
        name: Name of the library.
        sources: C files.
        include: Folders of headers.
        flags: Compiler flags.
        shared: Those of `sources` that many libraries contain. Their objects are kept.

    Returns:
        Path of the library.

    Raises:
        UserError: There is no compiler, a source has an error, or the folder can't be written.
    """
    target = library_path(name, sources, include, flags)
    if target.exists():
        return target
    own = [source for source in sources if source not in shared]
    parts = [*map(str, own), *(str(_object(source, include, flags)) for source in shared)]
    try:
        paths.NATIVE.mkdir(parents=True, exist_ok=True)
        # a unique name, because threads and processes may build the same library at once
        fd, file = tempfile.mkstemp(prefix=f"{name}-", suffix=".tmp", dir=paths.NATIVE)
    except OSError as error:
        raise UserError(f"can't write {paths.NATIVE}: {error.strerror}") from error
    os.close(fd)
    temporary = Path(file)
    try:
        command = [*_command(flags), *(f"-I{i}" for i in include)]
        _compile(name, [*command, *parts, "-o", str(temporary), "-lm"])
        temporary.chmod(0o755)  # mkstemp's file is private; all users of the checkout need this one
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _found(header: str, include: Sequence[Path]) -> Path:
    """The file that an #include of `header` finds."""
    for folder in include:
        if (path := Path(folder) / header).is_file():
            return path
    raise UserError(f"there is no {header}: run `host setup`")


def cdef(
    name: str, headers: Sequence[str], include: Sequence[Path], flags: Sequence[str] = ()
) -> str:
    """The declarations of `headers`, checked against the compiler and cached like a library.

    Args:
        name: Name of the library, for the file and for error messages.
        headers: Names as in #include. A C file contributes the prototypes of its functions.
        include: Folders of the headers. Declarations from other folders are left out.
        flags: Compiler flags, as for the library.

    Raises:
        UserError: A header is missing or invalid, or cffi would misread a struct.
    """
    files = [_found(header, include) for header in headers]
    carried = _carried(f"{name}-cdef", [FILTER, *files], include, flags, ".h")
    if carried.exists():
        return carried.read_text(encoding="utf-8")
    kept = _kept(f"{name}-cdef-{_digest([FILTER, *files], include, _command(flags))}.h")
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    text = declarations(headers, include, _command(flags), name)
    write_text(kept, text)
    return text


def library(
    name: str,
    sources: Sequence[Path],
    headers: Sequence[str],
    include: Sequence[Path] = (),
    flags: Sequence[str] = (),
    private: bool = False,
    shared: Sequence[Path] = (),
) -> tuple[cffi.FFI, Any]:
    """Loads a library and builds it first if needed.

    Args:
        name: Name of the library, for the file and for error messages.
        sources: C files.
        headers: Names of headers in `include`, whose declarations become available.
        include: Folders of headers.
        flags: Compiler flags.
        private: Whether to load a copy with its own static variables. Otherwise all callers in a
            process share one.
        shared: As for build().

    Returns:
        ffi with the headers' types, and the library with their functions and constants.

    Raises:
        UserError: There is no compiler, or a source or header has an error.
    """
    ffi = cffi.FFI()
    ffi.cdef(cdef(name, headers, include, flags))
    path = build(name, sources, include, flags, shared)
    if not private:
        return ffi, ffi.dlopen(str(path))
    # Windows keeps a loaded library from being deleted
    with tempfile.TemporaryDirectory(prefix="otolith-", ignore_cleanup_errors=True) as folder:
        return ffi, ffi.dlopen(shutil.copy(path, folder))


def carry(
    folder: Path,
    name: str,
    sources: Sequence[Path],
    headers: Sequence[str],
    include: Sequence[Path] = (),
    flags: Sequence[str] = (),
) -> None:
    """Puts a library and its declarations into a folder that becomes a wheel's "home/prebuilt".

    Args:
        folder: Where to put the two files.
        name: As for library(), like the arguments that follow.
        sources: C files.
        headers: Names of headers in `include`.
        include: Folders of headers.
        flags: Compiler flags.
    """
    text = cdef(name, headers, include, flags)
    files = [FILTER, *(_found(header, include) for header in headers)]
    write_text(folder / f"{name}-cdef-{_digest(files, include, [*ALWAYS, *flags])}.h", text)
    built = build(name, sources, include, flags)
    shutil.copy(built, folder / f"{name}-{_digest(sources, include, [*ALWAYS, *flags])}{SUFFIX}")
