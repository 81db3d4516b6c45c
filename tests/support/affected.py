"""Prints the unit tests that changed files need: `make check`.

    python -m support.affected [BASE]

A file counts as changed if it differs from the commit where this branch left BASE (default:
origin/main), or if git does not track it. grimp's import graph tells which modules import a changed
one.

A test is selected if it changed itself, or if it imports a changed module: directly, through
tests/support, or through the command it calls. Tests one import farther away follow, the nearest
first, until MOST tests are selected. The rest is left to `make test`, and a line on stderr counts
it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import grimp

from otolith import paths
from otolith.cli import COMMANDS

TESTS = paths.ROOT / "tests"
MOST = 20  # test files, unless more import a changed module directly
BY_FOLDER = {  # for files that are not Python: words in the names of the related tests
    "lib/pdm": ["pdm", "chain"],
    "lib/features": ["features", "rfft", "mfcc", "logmel", "lfbe", "chain"],
    "lib/nn": ["compile_ops", "cores", "streaming"],
    "lib/detect": ["detect", "chain"],
    "lib/listen": ["chain", "front_end_chain"],
    "lib/wire": ["wire"],
    "lib/usb": ["usb_microphone"],
    "lib/board": ["platform"],
    "lib/app": ["platform"],
    "firmware": ["platform"],
    "platform": ["platform"],
    "boards": ["platform", "device"],
    "platformio.ini": ["platform"],
    "models": ["spec"],
    "docs": ["docs", "site", "getting_started"],
    "mkdocs.yml": ["site"],
    "README.md": ["docs", "getting_started"],
    "bench/results": ["site"],
    ".github": ["workflow"],
    "tests/support/qemu": ["cores"],
    "tests/support/detect_set.c": ["detect"],
    "tests/support/wire_receive.c": ["wire"],
}


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=paths.ROOT, text=True, capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def changed(base: str) -> list[str]:
    """Files that differ from where this branch left `base`, and untracked files."""
    start = git("merge-base", "HEAD", base).strip() or "HEAD"
    names = git("diff", "--name-only", start) + git("ls-files", "--others", "--exclude-standard")
    return sorted(set(names.split("\n")) - {""})


def module_of(path: str, top: str) -> str | None:
    """The dotted name of a Python file below `top`, e.g. otolith.audio.wav."""
    if not (path.startswith(f"{top}/") and path.endswith(".py")):
        return None
    return ".".join(Path(path).relative_to(top).with_suffix("").parts).removesuffix(".__init__")


def used_by(path: Path) -> tuple[set[str], set[str]]:
    """Modules that a file imports, and commands of `host` that it names in a string."""
    modules, commands = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and node.value in COMMANDS:
            commands.add(str(node.value))
    return modules, commands


@cache
def needs(path: Path) -> frozenset[str]:
    """Modules of otolith and tests/support that a test file uses, directly or through helpers."""
    modules, commands = used_by(path)
    if "otolith.cli" in modules or any(m.startswith("support") for m in modules):
        modules |= {COMMANDS[name].target.partition(":")[0] for name in commands}
    for name in list(modules):
        helper = TESTS / f"{name.replace('.', '/')}.py"
        if name.startswith("support.") and helper.is_file() and helper != path:
            modules |= needs(helper)
    return frozenset(m for m in modules if m.startswith(("otolith.", "support.")))


def importers(modules: Iterable[str]) -> dict[str, int]:
    """Modules of otolith that import the given ones, with their distance (0: the given ones)."""
    graph = grimp.build_graph("otolith", cache_dir=None)
    found = {m: 0 for m in modules if m in graph.modules}
    edge = set(found)
    for steps in range(1, 100):
        edge = {i for m in edge for i in graph.find_modules_that_directly_import(m)} - set(found)
        if not edge:
            break
        found |= dict.fromkeys(edge, steps)
    return found


def selection(files: list[str]) -> tuple[list[Path], int]:
    """The test files that changed files need, and how many more are farther away."""
    tests = sorted((TESTS / "unit").glob("test_*.py"))
    names = {module_of(file, "host") for file in files} - {None}
    helpers = {module_of(file, "tests") for file in files} - {None}
    steps = importers(str(name) for name in names)
    words = {
        word
        for file in files
        for folder, found in BY_FOLDER.items()
        if file == folder or file.startswith(f"{folder}/")
        for word in found
    }
    away: dict[Path, int] = {}
    for test in tests:
        used = needs(test)
        near = str(test.relative_to(paths.ROOT)) in files or used & helpers
        if near or any(word in test.stem for word in words):
            away[test] = 0
        elif reached := [steps[m] for m in used if m in steps]:
            away[test] = min(reached)
    ordered = sorted(away, key=lambda test: (away[test], test))
    chosen = [t for n, t in enumerate(ordered) if away[t] == 0 or (away[t] == 1 and n < MOST)]
    return chosen, len(ordered) - len(chosen)


def main() -> None:
    files = changed(sys.argv[1] if len(sys.argv) > 1 else "origin/main")
    chosen, farther = selection(files)
    for test in chosen:
        print(test.relative_to(paths.ROOT))
    print(
        f"{len(files)} changed files: {len(chosen)} test files; {farther} farther ones are left to "
        "`make test`",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
