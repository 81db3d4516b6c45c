"""The reference of the commands: one page a command, by mkdocs-click.

mkdocs-click shows a command's help text and no epilog. The commands here are copies of the real
ones, with examples from either place as code blocks.
"""

from __future__ import annotations

import copy
import inspect
import os
import re
from typing import Any

import click

from otolith.cli import COMMANDS, main


def _markdown(text: str) -> str:
    r"""A help text as Markdown: paragraphs that begin with \b become code blocks."""
    done = []
    for part in re.split(r"\n\s*\n", text.replace("\f", "").strip()):
        if not part.startswith("\b\n"):
            # --option, <...> and * are no Markdown
            done.append(re.sub(r"(?<![`\w-])(--[a-z][a-z-]+)", r"`\1`", part).replace("<", "&lt;"))
            continue
        head, _, rest = part[2:].partition("\n")
        if not re.match(r"Examples?:", head):
            head, rest = "", part[2:]
        done.append("\n".join([*([head, ""] if head else []), "```text"]))
        done[-1] += "\n" + inspect.cleandoc("\n" + rest) + "\n```"
    return "\n\n".join(done)


def documented(command: click.Command) -> click.Command:
    """A copy of a command, and of the commands below it, whose help is Markdown."""
    made: Any = copy.copy(command)
    made.help = _markdown(
        "\n\n".join(inspect.cleandoc(x or "") for x in (command.help, command.epilog))
    )
    made.params = [_parameter(one) for one in command.params]
    if isinstance(command, click.Group):
        context = click.Context(command)
        names = command.list_commands(context)
        below = {name: command.get_command(context, name) for name in names}
        made.commands = {name: documented(one) for name, one in below.items() if one}
    return made  # type: ignore[no-any-return]


def _parameter(parameter: click.Parameter) -> click.Parameter:
    """A copy of a parameter whose default is the text that its help names, or empty."""
    made: Any = copy.copy(parameter)
    if isinstance(parameter, click.Option):
        said = re.search(r"\s*\[(?:default: )?([^\]]*)\]\s*$", parameter.help or "")
        made.help = (parameter.help or "")[: said.start() if said else None]
        made.help = made.help.replace("<", "&lt;").replace("|", "&#124;")
        if said:
            made.default = said[1]
        elif parameter.is_flag:
            made.default = "on" if parameter.default is True else "off"
        elif isinstance(parameter.default, int | float | str | os.PathLike):
            made.default = str(parameter.default) or "none"
        elif not parameter.required:
            made.default = "none"
        else:
            made.default = None
    return made


def __getattr__(name: str) -> click.Command:
    """The command `name`, with _ for -, as mkdocs-click asks for it."""
    found = main.get_command(click.Context(main), name.replace("_", "-"))
    if found is None:
        raise AttributeError(name)
    return documented(found)


def pages() -> dict[str, str]:
    """Page -> Markdown of the overview and of every command."""
    rows = [f"- [`host {name}`]({name}.md): {later.help}" for name, later in COMMANDS.items()]
    overview = "\n".join(
        [
            "# Commands\n",
            "`host` and `otolith` are the same program. Every command has `--help` with an "
            "example. These pages are generated from the commands themselves.\n",
            *rows,
            "",
        ]
    )
    written = {f"reference/commands/{name}.md": _page(name) for name in COMMANDS}
    return {"reference/commands/index.md": overview, **written}


def _page(name: str) -> str:
    return "\n".join(
        [
            "::: mkdocs-click",
            "    :module: sitegen.commands",
            f"    :command: {name.replace('-', '_')}",
            f"    :prog_name: host {name}",
            "    :style: table",
            "    :depth: 0",
            "",
        ]
    )
