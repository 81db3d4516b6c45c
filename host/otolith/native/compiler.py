"""Finds a C compiler for this computer: $CC, cc, gcc, clang, or the one in PyPI's ziglang."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Iterator

from otolith.errors import UserError

ZIG = (sys.executable, "-m", "ziglang", "cc")
# zig traps on undefined behaviour where other compilers don't
_ZIG_FLAGS = ("-fno-sanitize=undefined",)
_SUFFIXES = {"win32": ".dll", "darwin": ".dylib"}
SUFFIX = _SUFFIXES.get(sys.platform, ".so")  # of a shared library
ALWAYS = ("-std=gnu11", "-O2", "-shared", "-fwrapv", "-ffp-contract=off")
# macOS and Windows refuse undefined symbols without being told, and Windows has no -fPIC
_SYSTEMS = {"win32": (), "darwin": ("-fPIC",)}
FLAGS = (*ALWAYS, *_SYSTEMS.get(sys.platform, ("-fPIC", "-Wl,-z,defs")))


def _has_zig() -> bool:
    return importlib.util.find_spec("ziglang") is not None


def _candidates() -> Iterator[tuple[str, ...]]:
    if os.environ.get("CC"):
        yield tuple(shlex.split(os.environ["CC"], posix=os.name != "nt"))
        return
    if sys.platform == "win32" and _has_zig():  # its gcc and clang are of many kinds
        yield (*ZIG, *_ZIG_FLAGS)
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            yield (name,)
    if _has_zig():
        yield (*ZIG, *_ZIG_FLAGS)


def c_compiler() -> list[str]:
    """The command of the compiler.

    Returns:
        Program and options, or ["cc"] if there is none.
    """
    return list(next(_candidates(), ("cc",)))


def missing(program: str) -> UserError:
    """The error for a compiler that can't be started."""
    if os.environ.get("CC"):
        return UserError(f"{program} is missing ($CC): unset CC, or install it")
    return UserError("there is no C compiler: install gcc or clang, or run `pip install ziglang`")
