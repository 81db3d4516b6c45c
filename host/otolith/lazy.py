"""Groups of commands that are imported on first use, so that --help stays fast."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem

from otolith.files import disk_problem


@dataclass(frozen=True)
class Later:
    """A command that is imported on first use.

    Attributes:
        target: "module:attribute" of the click command.
        help: Its line in the --help of the group, which imports no commands.
    """

    target: str
    help: str


class LazyGroup(click.Group):
    """A group whose commands are imported one by one.

    Args:
        table: The commands by name.
        parts: Instead of `table`: such tables under the headings that --help gives them.
    """

    def __init__(
        self,
        *args: Any,
        table: Mapping[str, Later] | None = None,
        parts: Mapping[str, Mapping[str, Later]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.parts = {"Commands": table or {}} if parts is None else parts
        self.table = {name: later for part in self.parts.values() for name, later in part.items()}

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Any disk error becomes a message of one line."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            told = disk_problem(error)
            if told is None:
                raise
            raise told from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return the command of a name. None if there is none."""
        later = self.table.get(name)
        if later is None:
            return None
        module, attribute = later.target.split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What the shell offers: commands, without importing them, and options."""
        names = [name for name in self.table if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self.table[name].help) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under their headings without importing them."""
        widest = max(map(len, self.table))
        for heading, part in self.parts.items():
            with formatter.section(heading):
                rows = [(f"{name:{widest}}", later.help) for name, later in part.items()]
                formatter.write_dl(rows)
