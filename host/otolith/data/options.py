"""Options shared by the commands of `host data`."""

import click

from otolith.places import OWN_FOLDER, PLACE

dataset_option = click.option(
    "--dataset",
    type=OWN_FOLDER,
    default="dataset",
    show_default=True,
    help="Folder of the dataset.",
)
# for commands that change nothing in the dataset
reading_option = click.option(
    "--dataset",
    type=PLACE,
    default="dataset",
    show_default=True,
    help="Folder of the dataset, or its address, such as s3://bucket/dataset.",
)
