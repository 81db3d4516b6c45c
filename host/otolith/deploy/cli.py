"""`host train-and-deploy`: train a model, run it on a board, and judge what the board hears."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from otolith.audio.rate import RATE
from otolith.compile.metadata import read_metadata
from otolith.deploy.picture import draw
from otolith.deploy.scenario import Outcome, concatenate, judge, passed
from otolith.deploy.scenes import scene
from otolith.device.boards import check, named, with_options
from otolith.device.transports import choose_port, find_ports
from otolith.errors import UserError, shown
from otolith.evaluate.models import ModelFile
from otolith.evaluate.several import listens_with
from otolith.firmware import hear
from otolith.firmware.build import build, upload
from otolith.listen.ending import memory_ms
from otolith.paths import ROOT
from otolith.progress import is_quiet, shares
from otolith.settings.spec import load
from otolith.virtual import class_for


class Steps:
    """Prints each step and measures how long it takes, in wall time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.console.print(f"[bold]{escape(name)}[/bold]")
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start


def attached() -> tuple[str | None, str]:
    """The port of the only board attached, and what was chosen, in words.

    Returns:
        None for the port if no board is attached.

    Raises:
        UserError: More than one board is attached.
    """
    ports = find_ports()
    if not ports:
        return None, "no board attached: the firmware runs on a virtual one"
    return choose_port(None), f"board at {ports[0]}"


def _plain(text: str) -> str:
    """Foreign text for rich: printable, and no markup."""
    return escape(shown(text))


def outcome_table(outcomes: list[Outcome]) -> Table:
    """A table of the segments: what was played, expected and heard."""
    table = Table("played", "seconds", "expected", "heard", "latency", "verdict")
    for outcome in outcomes:
        heard = []
        if outcome.first:
            heard.append(_plain(f"{outcome.first.label} {outcome.first.score:.3f}"))
        heard += [_plain(f"{wrong.label} {wrong.score:.3f}") for wrong in outcome.wrong]
        table.add_row(
            _plain(outcome.name),
            f"{outcome.start_ms / 1000:.1f}-{outcome.end_ms / 1000:.1f}",
            _plain(outcome.label or "nothing"),
            ", ".join(heard) or "nothing",
            "" if outcome.latency_ms is None else f"{outcome.latency_ms:.0f} ms",
            "[green]right[/green]" if outcome.right else "[red]wrong[/red]",
        )
    return table


@click.command("train-and-deploy")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--board", help="An environment of platformio.ini.  [default: the spec's board, else pico]"
)
@click.option("--port", help="Serial port of a board: upload to it and test it over the wire.")
@click.option("--virtual", is_flag=True, help="Boot the firmware on a virtual board.")
@click.option("--no-train", is_flag=True, help="Use the .tflite that was trained before.")
@click.option("--allow-code", is_flag=True, help="As `host train --allow-code`.")
@click.option(
    "--tflite",
    "other",
    type=click.Path(path_type=Path),
    help="Use this network instead of the spec's; `host adopt` makes one of any .tflite.",
)
@click.option(
    "-O",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="What differs from the board's JSON: microphone=i2s, microphone.gain_db=12.",
)
@click.option("--seed", default=7, show_default=True, help="Which sounds the test draws.")
@click.option("--picture", type=click.Path(path_type=Path), help="PNG of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def train_and_deploy(
    model: Path,
    board: str | None,
    port: str | None,
    virtual: bool,
    allow_code: bool,
    no_train: bool,
    other: Path | None,
    options: tuple[str, ...],
    seed: int,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Train MODEL, build firmware around it, run it, play it sounds and judge what it says.

    \b
    Without --port and --virtual, it uses the only board attached, else a virtual one.

    \b
    Examples, without a board:
        host train-and-deploy models/fire_alarm --virtual
        host train-and-deploy models/fire_alarm --virtual --board nrf52840_dk
    \b
    Example, with a Pico on USB:
        host train-and-deploy models/fire_alarm --board pico --port /dev/ttyACM0
    """
    if port and virtual:
        raise UserError("give either --port PORT (a board) or --virtual (no board needed)")
    console = Console(stderr=as_json)
    told = Console(stderr=as_json, quiet=is_quiet())  # of what happens, not of the result
    steps = Steps(told)
    spec = load(model)
    board = board or spec.deploy.board
    if not port and not virtual:
        port, said = attached()
        virtual = port is None
        told.print(_plain(said), soft_wrap=True)
    wired = check(with_options(named(board), options)) if options else board
    emulator = class_for(board) if virtual else None
    folder = model if model.is_dir() else model.parent
    tflite = other or folder / f"{spec.model.name}.tflite"

    if not no_train and other is None:
        with steps.step(shown(f"train {spec.model.name}")):
            from otolith.train import How, train

            train(spec, folder, told, how=How(board, code=folder if allow_code else None))
    if not tflite.exists():
        todo = "name one that is there" if other else f"run `host train {shown(folder)}`"
        raise UserError(f"{tflite}: no trained model: {todo}")
    data = tflite.read_bytes()
    metadata = read_metadata(data)
    if metadata is None:
        todo = f"host adopt {tflite}" if other else f"host train {folder}"
        raise UserError(f"{tflite}: has no Otolith metadata: run `{todo}`")
    if other is not None and set(metadata.detect.thresholds) != set(spec.detect.thresholds):
        raise UserError(
            f"{tflite}: makes events of {', '.join(metadata.detect.thresholds)}, the spec's "
            f"sounds are of {', '.join(spec.detect.thresholds)}: they must be the same"
        )
    together = [tflite]
    if spec.deploy.models:
        own = ModelFile(tflite, None)
        together = [file.tflite for file in listens_with(spec, folder, own).files]
    gate = spec.deploy.gate or None
    model_hash = hashlib.sha256(data).hexdigest()[:16]

    segments = scene(spec, seed)
    pcm = concatenate(segments)
    if emulator:
        with steps.step(f"compile and build firmware for {board}"):
            built = build(board, together, gate=gate, options=options)
            image = built.folder / f"firmware.{emulator.IMAGE}"
        played = f"{len(pcm) / RATE:.0f} s of sound"
        with (
            steps.step(f"boot it on a virtual {board} and play {played}"),
            shares(f"playing {played}") as progress,
        ):
            heard = hear.through_virtual_microphone(
                image, pcm, model_hash, progress, board=wired, labels=metadata.classes
            )
    else:
        assert port is not None
        with steps.step(f"compile, build and upload firmware for {board}"):
            upload(board, together, port, gate, options)
        with steps.step(f"send {len(pcm) / RATE:.0f} s of sound to the board at {port}"):
            heard = hear.through_inject(port, pcm, model_hash, metadata.classes)

    labels = heard.labels
    known = [d for d in heard.detections if d.label in labels]  # not unknown
    outcomes = judge(segments, known, memory_ms(metadata))
    right = sum(outcome.right for outcome in outcomes)
    # a project of one's own keeps its pictures; the checkout has a folder for them
    home = ROOT if folder.resolve().is_relative_to(ROOT) else folder
    picture = picture or home / "build" / f"{spec.model.name}.png"
    draw(
        picture,
        # Made to be shown to others: it names the board, not its port.
        f"{spec.model.name} ({model_hash}) on {'a virtual ' if virtual else ''}{heard.hello.board}",
        pcm,
        outcomes,
        heard.detections,
        np.array(heard.score_times_ms),
        np.array(heard.scores).reshape(len(heard.scores), -1),
        labels,
        metadata.detect.thresholds,
    )
    good = passed(outcomes, spec.deploy.accept)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "passed": good,
                    "hello": heard.hello.told,
                    "segments": [
                        {
                            "name": o.name,
                            "label": o.label,
                            "right": o.right,
                            "latency_ms": o.latency_ms,
                            "wrong": [d.__dict__ for d in o.wrong],
                        }
                        for o in outcomes
                    ],
                    "others": [{"model": name, **d.__dict__} for name, d in heard.others],
                    "stats": heard.stats[-1].told if heard.stats else None,
                    "not_modelled": heard.not_modelled or None,
                    "seconds": steps.seconds,
                    "picture": str(picture),
                }
            )
        )
    else:
        hello = heard.hello
        console.print(
            _plain(
                f"board {hello.board}, firmware {hello.version}, model "
                f"{heard.model or hello.model} {model_hash}, engine {hello.engine}"
            )
        )
        for name, of in heard.others:
            console.print(_plain(f"{of.t_ms / 1000:.1f} s  {name}: {of.label} {of.score:.3f}"))
        console.print(outcome_table(outcomes))
        if heard.stats:
            last = heard.stats[-1]
            console.print(
                f"per hop of {1000 * (hello.hop or 0) / hello.rate:.0f} ms: features "
                f"{(last.feature_us or 0) / 1000:.1f} ms, network "
                f"{(last.infer_us or 0) / 1000:.1f} ms, CPU {100 * (last.cpu or 0):.0f} %, "
                f"overruns {last.overruns or 0}"
            )
        if heard.not_modelled:
            console.print(f"not modelled on this virtual board: {heard.not_modelled}")
        for name, seconds in steps.seconds.items():
            told.print(f"{seconds:7.1f} s  {escape(name)}")
        console.print(f"picture: {_plain(str(picture))}")
    if not good:
        raise UserError(
            f"{right} of {len(outcomes)} segments right, {spec.deploy.accept:.0%} of sounds and of "
            f"backgrounds must be: see {picture}, then train with more or better data"
        )
