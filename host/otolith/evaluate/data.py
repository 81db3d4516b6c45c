"""Which clips a command line asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from otolith.errors import UserError
from otolith.evaluate import sounds
from otolith.evaluate.models import ModelFile

PATH = click.Path(path_type=Path)
SETS = click.Choice(["train", "validate", "test"])
OPTIONS = [
    click.option("--spec", type=PATH, help="The test set of this spec; default: the model's."),
    click.option("--data", type=PATH, help="A folder with a subfolder of sounds a class."),
    click.option("--dataset", type=PATH, help="A folder with a metadata.csv."),
    click.option("--set", "chosen", type=SETS, default="test", help="Of --dataset; default: test."),
]


def data_options(command: Callable) -> Callable:
    """The options that say which clips."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@contextmanager
def bars() -> Iterator[Callable[[str, float], None]]:
    """Progress bars on a terminal: call with what is done and its share."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as shown:
        tasks: dict = {}

        def progress(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(name, total=1.0)
            shown.update(tasks[name], completed=share)

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
    """The clips asked for, problems with them, and where they are from."""
    if sum(x is not None for x in (spec, data, dataset)) > 1:
        raise UserError("give one of --spec, --data, --dataset")
    if data is not None:
        return sounds.of_folder(data, labels), [], str(data)
    if dataset is not None:
        return *sounds.of_dataset(dataset, chosen), f"{chosen} set of {dataset}"
    spec = spec or model.spec
    if spec is None:
        raise UserError(f"{model.tflite}: no spec.toml beside it: give --spec, --data or --dataset")
    from otolith.settings.spec import load

    loaded = load(spec)
    if set(loaded.model.classes) != set(labels):
        raise UserError(
            f"{spec} is about {', '.join(loaded.model.classes)}; {model.tflite} hears "
            f"{', '.join(labels)}"
        )
    return sounds.of_spec(loaded, progress), [], f"test set of {spec}"
