"""lib/ compiled for this computer and called through cffi: the integers the chip computes.

Libraries are built on first use and named by what went into them, so a changed source can never
meet an old library, and several processes can build at once.
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

FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-fwrapv", "-ffp-contract=off", "-Wl,-z,defs")
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
    """Where the library of `sources` is or will be: named by the content of sources, headers and
    flags. $CC names the compiler."""
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
    """Compile `sources` into a shared library below paths.NATIVE, unless it is there already."""
    target = library_path(name, sources, include, flags)
    if target.exists():
        return target
    command = _command(flags)
    paths.NATIVE.mkdir(parents=True, exist_ok=True)
    # a name of its own: threads and processes may build the same library at once
    fd, file = tempfile.mkstemp(prefix=f"{name}-", suffix=".tmp", dir=paths.NATIVE)
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
        temporary.chmod(0o755)
        temporary.replace(target)
    except FileNotFoundError as error:
        raise UserError(f"{command[0]} is missing: run `host setup`") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def library(
    name: str,
    sources: Sequence[Path],
    cdef: str,
    include: Sequence[Path] = (),
    flags: Sequence[str] = (),
    private: bool = False,
) -> tuple[cffi.FFI, Any]:
    """Build (if needed) and load `sources`; (ffi, lib) with the declarations of `cdef`.

    A process loads a file once, static variables included; `private` gives a caller its own.
    """
    ffi = cffi.FFI()
    ffi.cdef(cdef)
    path = build(name, sources, include, flags)
    if not private:
        return ffi, ffi.dlopen(str(path))
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        return ffi, ffi.dlopen(shutil.copy(path, folder))
