"""Options shared by the commands of `host data`."""

from pathlib import Path

import click

dataset_option = click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    default="dataset",
    show_default=True,
    help="Folder of the dataset.",
)
