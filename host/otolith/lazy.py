"""Groups of commands whose modules are imported on first use, so that --help stays fast."""

from __future__ import annotations

import importlib
from typing import Any

import click

from otolith.files import disk_problem


class LazyGroup(click.Group):
    """`table` maps a command's name to "module:attribute"."""

    def __init__(self, *args: object, table: dict[str, str], **options: object) -> None:
        super().__init__(*args, **options)
        self.table = table

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. A full disk is one line, whatever was writing."""
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
        return list(self.table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        target = self.table.get(name)
        if target is None:
            return None
        module, attribute = target.split(":")
        return getattr(importlib.import_module(module), attribute)
