"""lib/ compiled for this computer and called through cffi: the integers the chip computes.

Libraries are built on first use. A library's file is named by the content of its sources, headers
and flags, so a changed source never meets an old library and several processes can build at once.
Declarations come from the headers (declarations.py).
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cffi

from otolith import paths
from otolith.errors import UserError
from otolith.files import write_text
from otolith.native.declarations import declarations

FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-fwrapv", "-ffp-contract=off", "-Wl,-z,defs")
FILTER = Path(__file__).with_name("declarations.py")
INCLUDED = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.M)


def _content(sources: Iterable[Path], include: Sequence[Path]) -> Iterable[bytes]:
    """The bytes of `sources` and of every header of ours they include, each once."""
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
    return [*shlex.split(os.environ.get("CC", "cc")), *FLAGS, *flags]


def library_path(
    name: str, sources: Sequence[Path], include: Sequence[Path] = (), flags: Sequence[str] = ()
) -> Path:
    """Where the library of `sources` is or will be.

    The name holds a hash of the content of sources, the headers they include, and flags. $CC names
    the compiler.

    Raises:
        UserError: a source can't be read.
    """
    digest = hashlib.sha256(repr(_command(flags)).encode())
    try:
        for data in _content(sources, include):
            digest.update(len(data).to_bytes(8, "little") + data)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}: run `host setup`") from error
    return paths.NATIVE / f"{name}-{digest.hexdigest()[:16]}.so"


def build(
    name: str, sources: Sequence[Path], include: Sequence[Path] = (), flags: Sequence[str] = ()
) -> Path:
    """Compile `sources` into a shared library below paths.NATIVE, unless it is there already.

    Raises:
        UserError: no compiler, an error in the sources, or a folder that can't be written.
    """
    target = library_path(name, sources, include, flags)
    if target.exists():
        return target
    command = _command(flags)
    try:
        paths.NATIVE.mkdir(parents=True, exist_ok=True)
        # a name of its own: threads and processes may build the same library at once
        fd, file = tempfile.mkstemp(prefix=f"{name}-", suffix=".tmp", dir=paths.NATIVE)
    except OSError as error:
        raise UserError(f"can't write {paths.NATIVE}: {error.strerror}") from error
    os.close(fd)
    temporary = Path(file)
    try:
        done = subprocess.run(
            [
                *command,
                *(f"-I{i}" for i in include),
                *map(str, sources),
                "-o",
                str(temporary),
                "-lm",
            ],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line]
            raise UserError(f"{name}: {(lines or ['the C compiler failed'])[0]}")
        temporary.chmod(0o755)  # mkstemp keeps others out; this is for all users of the checkout
        temporary.replace(target)
    except FileNotFoundError as error:
        raise UserError(f"{command[0]} is missing: run `host setup`") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _found(header: str, include: Sequence[Path]) -> Path:
    """The file an #include of `header` names."""
    for folder in include:
        if (path := Path(folder) / header).is_file():
            return path
    raise UserError(f"there is no {header}: run `host setup`")


def cdef(
    name: str, headers: Sequence[str], include: Sequence[Path], flags: Sequence[str] = ()
) -> str:
    """The declarations of `headers`, checked against the compiler; kept like a library.

    Args:
        name: for the file and for errors.
        headers: names as after #include. A C file stands for its functions' prototypes.
        include: folders of the headers; declarations from elsewhere are left out.
        flags: of the compiler, as for the library.

    Raises:
        UserError: a header is missing or wrong, or cffi would read a struct wrongly.
    """
    files = [_found(header, include) for header in headers]
    kept = library_path(f"{name}-cdef", [FILTER, *files], include, flags).with_suffix(".h")
    if kept.exists():
        return kept.read_text()
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
) -> tuple[cffi.FFI, Any]:
    """Build (if needed) and load a library.

    Args:
        name: for the file and for errors.
        sources: C files.
        headers: what it offers: names of headers in `include`, whose declarations are used.
        include: folders of headers.
        flags: of the compiler.
        private: load a copy. A process loads a file once, static variables included; a private
            copy has its own.

    Returns:
        ffi with the headers' types, and the library with their functions and constants.

    Raises:
        UserError: no compiler, or an error in sources or headers.
    """
    ffi = cffi.FFI()
    ffi.cdef(cdef(name, headers, include, flags))
    path = build(name, sources, include, flags)
    if not private:
        return ffi, ffi.dlopen(str(path))
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        return ffi, ffi.dlopen(shutil.copy(path, folder))
