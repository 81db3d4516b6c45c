"""The one error type users see."""

import click


class UserError(click.ClickException):
    """What is wrong, where, and what to do, in one line; the command exits with 1."""

    exit_code = 1
