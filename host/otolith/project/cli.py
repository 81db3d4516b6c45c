"""`host new` and `host spec`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from otolith.device.boards import load_boards
from otolith.errors import UserError, shown
from otolith.lazy import Later, LazyGroup
from otolith.progress import is_quiet
from otolith.project.new import (
    Wish,
    copy_of,
    make,
    problems_of_folder,
    problems_of_names,
    ready_model,
    split_names,
)
from otolith.project.show import settings_in_force
from otolith.settings.kinds.registry import DEFAULT, KINDS


@click.command("new")
@click.argument("name", required=False, type=click.Path(path_type=Path))
@click.option("--hear", help="The sounds to hear, separated by commas.")
@click.option("--kind", help=f"What the sounds are: {', '.join(KINDS)}.  [default: {DEFAULT}]")
@click.option("--board", help="The board that will listen.  [default: pico]")
@click.option("--from", "ready", help="Ready model to start from: its name, or a folder.")
def new(
    name: Path | None, hear: str | None, kind: str | None, board: str | None, ready: str | None
) -> None:
    """Make a project in the new folder NAME. Asks for what is missing, on a terminal.

    With --from and without --hear, it hears what the ready model hears.

    \b
    Examples:
        host new doorbell --hear ring,knock
        host new lamp --hear "lights on" --kind word --board nrf52840_dk
        host new fire_alarm --from fire_alarm
    """
    asks = sys.stdin.isatty()
    if name is None:
        name = Path(
            _ask(asks, "Name of the project", "NAME", lambda t: problems_of_folder(Path(t)))
        )
    found = ready_model(ready) if ready else None
    if hear is None and found is None:
        hear = _ask(
            asks,
            "Sounds to hear, separated by commas",
            "--hear",
            lambda text: problems_of_names(split_names(text)),
        )
    if kind is None and found is None:
        kind = _choose(
            asks,
            "Kind: a spoken word, any short sound, or an alarm that lasts",
            tuple(KINDS),
            DEFAULT,
        )
    if board is None:
        board = _choose(asks, "Board", tuple(b.id for b in load_boards() if b.qemu is None), "pico")
    if found and hear is None:
        wish = copy_of(name, found, board)
    else:
        wish = Wish(name, split_names(hear or ""), kind or DEFAULT, board, found)
    made = make(wish)
    if is_quiet():
        return
    for path in made:
        click.echo(f"wrote {shown(path)}")
    click.echo(f"next: cd {shown(name)}, then follow README.md")


def _ask(asks: bool, what: str, option: str, wrong: Callable[[str], list[str]]) -> str:
    """An answer from the terminal; it is asked for again until `wrong` finds no problem."""
    if not asks:
        raise UserError(f"{option} is missing: host new doorbell --hear ring,knock")

    def checked(text: str) -> str:
        if problems := wrong(text):
            raise click.BadParameter(problems[0])
        return text

    return click.prompt(what, err=True, value_proc=checked)


def _choose(asks: bool, what: str, names: tuple[str, ...], default: str) -> str:
    if not asks:
        return default
    return click.prompt(what, default=default, type=click.Choice(names), err=True)


SPEC_COMMANDS = {
    "show": Later("otolith.project.cli:show", "List the settings in force and their origins."),
}


@click.group(cls=LazyGroup, table=SPEC_COMMANDS)
def spec() -> None:
    """Look at the settings of a spec.

    \b
    Example:
        host spec show models/fire_alarm
    """


@click.command("show")
@click.argument("model", default=".", type=click.Path(path_type=Path))
@click.option("--explain", is_flag=True, help="Say what each setting does.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a setting.")
def show(model: Path, explain: bool, as_json: bool) -> None:
    """List every setting of MODEL that is in force, and where it comes from.

    MODEL is a folder with a spec.toml; the current one if it is left out.

    \b
    Example:
        host spec show models/fire_alarm
    """
    last = ""
    for row in settings_in_force(model):
        if as_json:
            click.echo(json.dumps(asdict(row)))
            continue
        if row.section != last:
            click.echo(f"\n[{row.section}]" if last else f"[{row.section}]")
            last = row.section
        if explain and row.text:
            click.echo(f"# {shown(row.text)}")
        value = json.dumps(row.value, ensure_ascii=False)
        click.echo(f"{shown(f'{row.key} = {value}'):50} # {shown(row.origin)}")
