"""`host setup` and `host doctor`."""

from __future__ import annotations

import json
import sys
import time

import click
from rich.console import Console
from rich.table import Table

from otolith.errors import UserError
from otolith.setup.part import Part
from otolith.setup.parts import PARTS


def set_up(parts: list[Part], console: Console) -> list[str]:
    """Install what is missing; the names of parts that are still missing and not optional."""
    missing = []
    for part in parts:
        if found := part.find():
            console.print(f"  {part.name} {found.version}", highlight=False)
            continue
        if part.install is None:
            if not part.optional:
                missing.append(f"{part.name}: {part.hint}")
            continue
        console.print(f"  {part.name}: getting it ({part.why}) ...", highlight=False)
        start = time.monotonic()
        try:
            part.install()
        except UserError as error:
            if part.optional:
                console.print(f"  {part.name}: left out (optional): {error.message}")
            else:
                missing.append(f"{part.name}: {error.message}")
            continue
        if part.find() is None:
            missing.append(f"{part.name}: installed, but still not found: {part.hint}")
        else:
            console.print(f"    done in {time.monotonic() - start:.0f} s", highlight=False)
    return missing


@click.command()
def setup() -> None:
    """Fetch what pip alone can't: toolchain, pico-sdk, emulator. Can be run again at any time.

    \b
    Example:
        host setup
    """
    console = Console()
    console.print("Setting up (what is there already is only looked at):")
    missing = set_up(PARTS, console)
    if missing:
        raise UserError("; ".join(missing))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the parts as a JSON list.")
def doctor(as_json: bool) -> None:
    """List what is installed, what is missing and how to get it; exit 1 if something is.

    \b
    Example:
        host doctor
    """
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
            table.add_row(row["name"], mark, row["version"] or "", row["where"] or row["hint"])
        Console().print(table)
    if any(not row["found"] and not row["optional"] for row in rows):
        sys.exit(1)
