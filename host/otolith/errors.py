"""The one error type users see."""

import click


def short(value: object) -> str:
    """`value` for a message that stays one line, whatever the file held."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def shown(name: object) -> str:
    """A file's name for a message: one line, printable whatever bytes it has."""
    text = click.format_filename(str(name))
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


class UserError(click.ClickException):
    """What is wrong, where, and what to do, in one line; the command exits with 1."""

    exit_code = 1
