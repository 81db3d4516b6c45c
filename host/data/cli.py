"""`host data`: sounds to train on."""

import click

from host.lazy import LazyGroup

# name -> "module:attribute" of a click command; one line a command.
COMMANDS = {
    "synth": "host.data.synth:synth",
    "import": "host.data.importing:import_",
    "check": "host.data.check:check",
    "stats": "host.data.stats:stats",
    "split": "host.data.split:split",
    "segment": "host.data.find:segment",
    "cut": "host.data.cut:cut",
    "labels": "host.data.tracks:labels",
    "join": "host.data.tracks:join",
    "merge": "host.data.merge:merge",
    "relabel": "host.data.relabel:relabel",
    "remove": "host.data.relabel:remove",
    "play": "host.data.play:play",
    "plot": "host.data.plot:plot",
    "preview": "host.data.preview:preview",
}


@click.group(cls=LazyGroup, table=COMMANDS)
def data() -> None:
    """Sounds to train on."""
