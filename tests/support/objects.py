"""Object files of lib/ that many test programs link: compiled once for all tests."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from otolith.native.sources import lib
from support import shared


@cache
def _version(compiler: str) -> str:
    return subprocess.check_output([compiler, "--version"], text=True)


def objects(name: str, compiler: str, flags: Sequence[str]) -> list[str]:
    """Compiles a library of lib/ and returns the paths of its object files.

    Args:
        name: Folder of lib/.
        compiler: The compiler's command.
        flags: Its flags, without include folders.
    """
    sources = lib(name)

    def make(folder: Path) -> None:
        command = [compiler, *flags, *(f"-I{i}" for i in sources.include), "-c"]
        for number, parent in enumerate(sorted({file.parent for file in sources.files})):
            (folder / str(number)).mkdir()  # files of two folders may have one name
            files = [str(file) for file in sources.files if file.parent == parent]
            subprocess.run([*command, *files], check=True, cwd=folder / str(number))

    key = ["objects", name, _version(compiler), *flags, shared.digest("lib")]
    return sorted(map(str, shared.once(key, make).rglob("*.o")))
