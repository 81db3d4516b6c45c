"""`host data`: prepares the sounds to train on."""

import click

from otolith.lazy import Later, LazyGroup

# name -> where the command is, and its line in `host data --help`
COMMANDS = {
    "synth": Later("otolith.data.synth:synth", "Generate sounds."),
    "fetch": Later("otolith.data.fetch.cli:fetch", "Download a public data set."),
    "import": Later("otolith.data.importing:import_", "Import sound files or folders of them."),
    "check": Later("otolith.data.check:check", "Find problems in a dataset."),
    "stats": Later("otolith.data.stats:stats", "Count clips, seconds and levels."),
    "split": Later("otolith.data.split:split", "Split clips into train, validate and test sets."),
    "segment": Later("otolith.data.find:segment", "Find sounds in long recordings."),
    "cut": Later("otolith.data.cut:cut", "Cut labelled ranges out of recordings."),
    "labels": Later("otolith.data.tracks:labels", "Write label tracks of recordings."),
    "join": Later("otolith.data.tracks:join", "Join clips into one recording with labels."),
    "merge": Later("otolith.data.merge:merge", "Merge datasets."),
    "relabel": Later("otolith.data.relabel:relabel", "Move clips to another label."),
    "remove": Later("otolith.data.relabel:remove", "Delete clips and their rows."),
    "play": Later("otolith.data.play:play", "Play clips."),
    "review": Later("otolith.data.review:review", "File what a detector heard: right, wrong."),
    "plot": Later("otolith.data.plot:plot", "Draw waveforms and spectrograms."),
    "preview": Later("otolith.report.preview:preview", "Play and draw augmented windows."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def data() -> None:
    """Prepare the sounds to train on.

    \b
    Examples:
        host data import recordings
        host data check
        host data split
    """
