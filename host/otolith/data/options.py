"""Options shared by commands that read or make datasets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from otolith.data.collected import LIMIT_MB, NEAR_SHARE
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

F = TypeVar("F", bound=Callable[..., Any])

_COLLECT = (
    click.option(
        "--collect",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Keep the seconds around events and near misses there, for `host data review`.",
    ),
    click.option(
        "--near",
        type=click.FloatRange(0, 1, min_open=True),
        help="With --collect: share of a threshold that is a near miss.  "
        f"[default: {NEAR_SHARE:g}]",
    ),
    click.option(
        "--collect-limit",
        "limit",
        type=click.FloatRange(0, min_open=True),
        metavar="MB",
        help=f"With --collect: the oldest clips beyond it are removed.  [default: {LIMIT_MB}]",
    ),
)


def collect_options(command: F) -> F:
    """Add --collect, --near and --collect-limit, which come as collect, near and limit."""
    for option in reversed(_COLLECT):
        command = option(command)
    return command
