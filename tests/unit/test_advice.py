"""Commands and options in messages exist. Checks every string of the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from otolith import paths
from otolith.cli import main

PACKAGE = paths.ROOT / "host" / "otolith"
GAP = "\0"  # stands for the values that an f-string inserts
QUOTED = re.compile(r"`(?:host|otolith) ([^`]+)`")
BARE = re.compile(r"(?<![\w`{-])(--[a-z][a-z0-9-]+)")
# Options of other programs that appear in our messages.
FOREIGN = {
    "--upload-port",  # pio run
    "--start",  # pulseaudio
    "--build",  # cmake
    "--exact",  # winget
    "--id",  # winget
    "--needed",  # pacman
    "--nthreads",  # dask worker
}


@cache
def group_of(command: click.Command) -> dict[str, click.Command]:
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    names = command.list_commands(context)
    return {name: command.get_command(context, name) for name in names}


def options_of(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("-")
    } | {"--help", "-h"}


def all_options(command: click.Command = main) -> set[str]:
    found = options_of(command)
    for sub in group_of(command).values():
        found |= all_options(sub)
    return found


def problem(advice: str) -> str | None:
    """What is wrong with the words after `host`, or None."""
    command: click.Command = main
    words = advice.split()
    while words and group_of(command):
        name = words.pop(0)
        if name in ("...", "COMMAND", GAP) or name.startswith(("-", "<")):
            return None
        if name not in group_of(command):
            return f"host has no command {name!r}"
        command = group_of(command)[name]
    for word in words:
        option = word.split("=")[0].strip("[](),.:;")
        if option.startswith("--") and GAP not in option and option not in options_of(command):
            return f"{command.name} has no option {option}"
    return None


def text_of(node: ast.JoinedStr) -> str:
    return "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every string in a module, f-strings in one piece."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, text_of(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_commands_and_options_that_texts_name_exist():
    wrong, seen = [], 0
    for path in MODULES:
        for number, text in texts(path):
            for advice in QUOTED.findall(text):
                seen += 1
                if found := problem(advice):
                    wrong.append(f"{path.relative_to(PACKAGE)}:{number}: `host {advice}`: {found}")
    assert wrong == [] and seen > 60


def test_options_that_messages_name_are_options_of_a_command():
    known, wrong, seen = all_options(), [], 0
    for path in MODULES:
        for number, text in texts(path):
            # the definition of an option, or an argument for another program
            if " " not in text.strip():
                continue
            for option in BARE.findall(QUOTED.sub("", text)):
                seen += 1
                if option not in known and option not in FOREIGN:
                    wrong.append(f"{path.relative_to(PACKAGE)}:{number}: {option}: {text[:60]!r}")
    assert wrong == [] and seen > 60


@pytest.mark.parametrize(
    ("advice", "found"),
    [
        ("train models/x --dry-run", None),
        (f"train {GAP} --base={GAP}", None),
        ("device get --port P", None),
        ("fly", "no command 'fly'"),
        ("data fly", "no command 'fly'"),
        ("train x --fast", "no option --fast"),
    ],
)
def test_the_check_finds_what_is_not_there(advice, found):
    assert problem(advice) is None if found is None else found in problem(advice)
