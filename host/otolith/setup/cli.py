"""`host setup` and `host doctor`."""

from __future__ import annotations

import json
import sys
import time

import click
from rich.console import Console
from rich.table import Table

from otolith.errors import UserError
from otolith.progress import is_quiet
from otolith.setup.part import Part
from otolith.setup.parts import PARTS
from otolith.setup.report import report
from otolith.setup.studio import DEV
from otolith.setup.voices import VOICES


def set_up(parts: list[Part], console: Console) -> list[str]:
    """Install the parts that are missing.

    Args:
        parts: The parts, in the order to install them.
        console: Where progress goes.

    Returns:
        One line for each required part that is still missing: its name and what to do. Parts that
        come by one installer share its line.
    """
    missing: dict[object, tuple[list[str], str]] = {}
    for part in parts:
        if found := part.find():
            console.print(f"  {part.name} {found.version}", highlight=False)
            continue
        if part.install is None:
            if not part.optional:
                missing[part.name] = ([part.name], part.hint)
            continue
        if part.install in missing:
            missing[part.install][0].append(part.name)
            continue
        console.print(f"  {part.name}: getting it ({part.why}) ...", highlight=False)
        start = time.monotonic()
        try:
            part.install()
        except UserError as error:
            if part.optional:
                console.print(f"  {part.name}: left out (optional): {error.message}")
            else:
                missing[part.install] = ([part.name], error.message)
            continue
        if part.find() is None:
            missing[part.name] = ([part.name], f"installed, but still not found: {part.hint}")
        else:
            console.print(f"    done in {time.monotonic() - start:.0f} s", highlight=False)
    return [f"{', '.join(names)}: {message}" for names, message in missing.values()]


@click.command()
@click.option("--voices", is_flag=True, help="Get the speech engines instead: about 250 MB.")
@click.option("--dev", is_flag=True, help="Get what tests need instead: Chromium, axe-core, ...")
def setup(voices: bool, dev: bool) -> None:
    """Get what pip can't install: toolchain, pico-sdk, emulator. Run it as often as you like.

    \b
    Examples:
        host setup
        host setup --voices
    """
    if voices and dev:
        raise UserError("--voices and --dev are two sets of parts: run host setup for each")
    console = Console(quiet=is_quiet())
    console.print("Setting up (parts that are installed are left alone):")
    missing = set_up(VOICES if voices else DEV if dev else PARTS, console)
    if missing:
        raise UserError("; ".join(missing))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the parts as a JSON list.")
@click.option("--report", "as_report", is_flag=True, help="Print what a bug report needs.")
def doctor(as_json: bool, as_report: bool) -> None:
    """List what is installed, what is missing and how to get it. Exits with 1 if a part is missing.

    --report prints versions and attached boards as Markdown. It tells no paths, names of users or
    computers, or serial numbers.

    \b
    Example:
        host doctor --report
    """
    if as_json and as_report:
        raise UserError("--json and --report are two outputs: choose one")
    if as_report:
        click.echo(report(PARTS))
        return
    rows = []
    for part in PARTS:
        found = part.find()
        rows.append(
            {
                "name": part.name,
                "why": part.why,
                "found": found is not None,
                "optional": part.optional,
                "version": found.version if found else None,
                "where": found.where if found else None,
                "hint": None if found else part.hint,
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        table = Table("part", "", "version")
        table.add_column("where, or what to run", overflow="fold")
        for row in rows:
            mark = "found" if row["found"] else "optional" if row["optional"] else "MISSING"
            cells = (row["name"], mark, row["version"] or "", row["where"] or row["hint"])
            table.add_row(*map(str, cells))
        Console().print(table)
    if any(not row["found"] and not row["optional"] for row in rows):
        sys.exit(1)
