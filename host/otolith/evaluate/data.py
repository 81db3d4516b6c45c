"""The clips a command line asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from otolith.errors import UserError
from otolith.evaluate import sounds
from otolith.evaluate.models import ModelFile
from otolith.places import PLACE
from otolith.progress import Step, is_quiet, tell
from otolith.settings.spec import load

PATH = click.Path(path_type=Path)
SETS = click.Choice(["train", "validate", "test"])
OPTIONS = [
    click.option("--spec", type=PATH, help="The test set of this spec; default: the model's."),
    click.option("--data", type=PLACE, help="A folder with a subfolder of sounds a class."),
    click.option("--dataset", type=PLACE, help="A folder with a metadata.csv."),
    click.option("--set", "chosen", type=SETS, default="test", help="Of --dataset; default: test."),
]


def data_options(command: Callable) -> Callable:
    """Adds the options that choose the clips."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@contextmanager
def bars() -> Iterator[Callable[[str, float], None]]:
    """Shows progress bars on a terminal; call what it yields with a name and the share done."""
    console = Console(stderr=True)
    off = is_quiet() or not console.is_terminal
    with Progress(console=console, transient=True, disable=off) as shown:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(name, total=1.0)
            shown.update(tasks[name], completed=share)
            tell(Step(name, share))

        yield progress


def chosen_sounds(
    model: ModelFile,
    labels: Sequence[str],
    spec: Path | None,
    data: Path | None,
    dataset: Path | None,
    chosen: str,
    progress: Callable[[str, float], None],
) -> tuple[list[sounds.Sound], list[str], str]:
    """Finds the clips a command line asks for.

    Args:
        model: The network; its folder's spec says which clips where no option does.
        labels: The network's classes.
        spec, data, dataset, chosen: The options of data_options().
        progress: Called with what is done and its share.

    Returns:
        The clips, what is wrong with some of them, and where they are from.

    Raises:
        UserError: More than one option, or no clips.
    """
    if sum(x is not None for x in (spec, data, dataset)) > 1:
        raise UserError("give one of --spec, --data, --dataset")
    if data is not None:
        return sounds.of_folder(data, list(labels)), [], str(data)
    if dataset is not None:
        return *sounds.of_dataset(dataset, chosen), f"{chosen} set of {dataset}"
    spec = spec or model.spec
    if spec is None:
        raise UserError(f"{model.tflite}: no spec.toml beside it: give --spec, --data or --dataset")
    loaded = load(spec)
    if set(loaded.model.classes) != set(labels):
        raise UserError(
            f"{spec} is about {', '.join(loaded.model.classes)}; {model.tflite} knows "
            f"{', '.join(labels)}"
        )
    return sounds.of_spec(loaded, progress), [], f"test set of {spec}"
