"""The one error type users see, and how text from elsewhere is printed."""

import click


def short(value: object) -> str:
    """`value` for a message that stays one line, whatever the file held."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def shown(text: object) -> str:
    """Text from elsewhere for a terminal: a name of a file or class, what a board says.

    Every command that prints such text prints it through this function. With rich, print the result
    with markup=False, or as rich.text.Text in a table.

    Args:
        text: Any text; bytes of a file's name that are no Unicode, escapes and line ends too.

    Returns:
        One line. Characters a terminal would act on are replaced by U+FFFD.
    """
    plain = click.format_filename(str(text))
    return "".join(c if c.isprintable() else "\ufffd" for c in plain)


class UserError(click.ClickException):
    """What is wrong, where, and what to do; the command exits with 1.

    A message is one line. Only the problems of a spec, which are told together, have a line each.
    """

    exit_code = 1

    def format_message(self) -> str:
        """The message as it is printed: whatever it quotes does nothing in a terminal."""
        return "\n".join(shown(line) for line in self.message.split("\n"))
