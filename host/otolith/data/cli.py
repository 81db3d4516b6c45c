"""`host data`: sounds to train on."""

import click

from otolith.lazy import LazyGroup

# name -> "module:attribute" of a click command; one line a command.
COMMANDS = {
    "synth": "otolith.data.synth:synth",
    "import": "otolith.data.importing:import_",
    "check": "otolith.data.check:check",
    "stats": "otolith.data.stats:stats",
    "split": "otolith.data.split:split",
    "segment": "otolith.data.find:segment",
    "cut": "otolith.data.cut:cut",
    "labels": "otolith.data.tracks:labels",
    "join": "otolith.data.tracks:join",
    "merge": "otolith.data.merge:merge",
    "relabel": "otolith.data.relabel:relabel",
    "remove": "otolith.data.relabel:remove",
    "play": "otolith.data.play:play",
    "plot": "otolith.data.plot:plot",
    "preview": "otolith.report.preview:preview",
}


@click.group(cls=LazyGroup, table=COMMANDS)
def data() -> None:
    """Sounds to train on."""
