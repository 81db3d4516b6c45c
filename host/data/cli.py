"""`host data`: sounds to train on."""

import click

from host.lazy import LazyGroup

# name -> "module:attribute" of a click command; one line a command.
COMMANDS = {
    "synth": "host.data.synth:synth",
}


@click.group(cls=LazyGroup, table=COMMANDS)
def data() -> None:
    """Sounds to train on."""
