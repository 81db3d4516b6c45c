"""The command `host classify`."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE
from otolith.audio.blocks import at_most
from otolith.audio.reading import announced
from otolith.classify import lines, several
from otolith.classify.ear import Ear
from otolith.classify.picture import draw, file_name
from otolith.classify.sources import of_file, of_microphone, of_stdin
from otolith.compile import schedule_model
from otolith.data.collected import LIMIT_MB, NEAR_SHARE, Collector
from otolith.data.options import collect_options
from otolith.device.records import record
from otolith.errors import UserError, shown
from otolith.evaluate.models import ModelFile
from otolith.evaluate.several import Models, models_of
from otolith.firmware.build import build
from otolith.listen.chain import Chain, Hop
from otolith.listen.ending import Ending, is_complete
from otolith.listen.several import SeveralChain
from otolith.monitor.lines import describe
from otolith.progress import remark, result, shares
from otolith.record.stop import Stop
from otolith.settings.detect import ONE
from otolith.summarize.profile import profile_image, virtual_board

PATH = click.Path(path_type=Path)
LIVE = ("mic", "-")
LONG_S = 60.0  # a file that is heard in less than two seconds gets no progress bar


@click.command(
    epilog="""\b
Examples:
  host classify alarm.wav kitchen.flac --model models/fire_alarm
  host classify mic --model models/fire_alarm --simulate-latency 200
  host classify mic --model models/okay_nabu --model models/hey_jarvis
  host classify evening/audio.wav --model fire_alarm.tflite --json --scores
  arecord -t raw -f S16_LE -r 16000 | host classify - --model models/fire_alarm"""
)
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option(
    "--model",
    "models",
    type=PATH,
    required=True,
    multiple=True,
    help="A .tflite, or a model's folder. Repeat it for several that share a front end.",
)
@click.option("--gate", help="Of several models, the one without which the others hear nothing.")
@click.option("--device", metavar="NAME|NUMBER", help="Listen to this microphone.")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), help="Stop after this many seconds."
)
@click.option(
    "--simulate-latency",
    "latency",
    type=click.FloatRange(0, 60_000),
    metavar="MS",
    help="Simulate a network that takes this long. It skips hops that end meanwhile.",
)
@click.option("--board", help="Simulate the latency of this board, measured on a virtual one.")
@click.option("--scores", is_flag=True, help="With --json: print the scores of every hop too.")
@click.option(
    "--spectrogram",
    type=PATH,
    metavar="DIR",
    help="Write a PNG of what the network saw at each event.",
)
@collect_options
@click.option("--json", "as_json", is_flag=True, help="Print the JSON lines that a board sends.")
def classify(
    sources: tuple[str, ...],
    models: tuple[Path, ...],
    gate: str | None,
    device: str | None,
    seconds: float | None,
    latency: float | None,
    board: str | None,
    scores: bool,
    spectrogram: Path | None,
    collect: Path | None,
    near: float | None,
    limit: float | None,
    as_json: bool,
) -> None:
    """Print the events that a board with the model would report, computed by the same C code.

    SOURCE is a sound file, mic (the Otolith microphone, or else the computer's), or - for raw PCM
    (int16, 16 kHz, mono). Each event is a line. Its time is the end of the hop that caused it.

    With --simulate-latency, the network skips a hop if it would still be busy with the previous one
    at the end of the hop, like the loop of MLTK's classify_audio. Smoothing and suppression count
    only the hops in which the network ran. known_ms is when the device would report the event.
    (Otolith's firmware does not skip hops. If its network is too slow, it loses sound and reports
    overruns.)
    """
    if device is not None:
        sources = (*sources, "mic")
    if not sources:
        raise UserError("nothing to listen to: give sound files, mic or --device NAME")
    if len(sources) > 1 and any(source in LIVE for source in sources):
        raise UserError("mic and - do not go with other sources")
    if scores and not as_json:
        raise UserError("--scores goes with --json")
    if board and latency is not None:
        raise UserError("--simulate-latency and --board set the same thing: give one of them")
    if not collect and (near is not None or limit is not None):
        raise UserError("--near and --collect-limit go with --collect")

    def tell(line: dict | None) -> None:
        if line is not None:
            text = json.dumps(line) if as_json else describe(record(line))
            if text:
                result(text)

    found = models_of(models, gate)
    if len(found.files) > 1:
        if board or latency is not None or spectrogram or collect:
            raise UserError(
                "--board, --simulate-latency, --spectrogram and --collect are for one model"
            )
        _several(found, sources, device, seconds, scores, as_json, tell)
        return
    file = found.files[0]
    try:
        chain = Chain(file.data)
    except UserError as error:
        raise UserError(f"{file.tflite}: {error.message}") from error
    if board:
        latency = measured(file, board)
    latency = latency or 0.0

    failed = False
    with Stop() as stop:
        for source in sources:
            ear = Ear(chain, latency)
            keep = None
            if collect:
                keep = Collector(
                    collect,
                    chain.settings().thresholds,
                    source,
                    chain.network.digest,
                    near or NEAR_SHARE,
                    round((limit or LIMIT_MB) * 1e6),
                )
            if as_json:
                tell(lines.hello(chain, source))
            elif len(sources) > 1:
                click.echo(f"{source}:")
            problem = None
            try:
                follows = seconds is None and source not in LIVE and not is_complete(Path(source))
                blocks = at_most(_blocks(source, device, stop), seconds)
                for hop in _hops(ear, blocks, stop, follows, keep):
                    if scores:
                        tell(lines.scores(hop))
                    event = lines.detect(hop, latency)
                    tell(event)
                    if event and spectrogram:
                        _draw(spectrogram, source, event, chain)
            except UserError as error:
                problem = error
            if keep is not None:
                click.echo(shown(keep.finish()), err=True)
            if as_json:
                tell(lines.end(source, ear.count))
            elif ear.count.hops or not problem:
                click.echo(_summary(source, ear))
            if problem is not None:
                failed = True
                click.echo(f"Error: {problem.message}", err=True)
            if stop:
                break
    if stop.signal is not None and sources[0] not in LIVE:
        sys.exit(128 + stop.signal)  # a file was not read to its end
    if failed:
        sys.exit(1)


def _several(
    found: Models,
    sources: tuple[str, ...],
    device: str | None,
    seconds: float | None,
    scores: bool,
    as_json: bool,
    tell: several.Tell,
) -> None:
    """Classifies with several networks."""
    chain, failed = SeveralChain(found.named, found.gate), False
    with Stop() as stop:
        for source in sources:
            if as_json:
                tell(several.hello(chain, source))
            elif len(sources) > 1:
                click.echo(f"{source}:")
            try:
                follows = seconds is None and source not in LIVE and not is_complete(Path(source))
                blocks = at_most(_blocks(source, device, stop), seconds)
                samples, events = several.hear(chain, blocks, follows, scores, tell)
            except UserError as error:
                failed = True
                click.echo(f"Error: {error.message}", err=True)
                continue
            if not as_json:
                click.echo(f"{source}: {samples / RATE:.1f} s, {events} events")
            if stop:
                break
    if failed:
        sys.exit(1)


def measured(file: ModelFile, board: str) -> float:
    """Measure how long the network takes on a virtual board.

    Args:
        file: The model.
        board: Name of the board.

    Returns:
        Milliseconds for each hop.

    Raises:
        UserError: There is no such virtual board, or its firmware can't be built.
    """
    virtual_board(board)
    remark(f"measuring {shown(file.tflite)} on a virtual {board}")
    image = build(f"{board}-bench", file.tflite).uf2
    ms = profile_image(image, schedule_model(file.data, "model"), board).ms_a_hop
    remark(f"its network takes {ms:.1f} ms there")
    return ms


def _blocks(source: str, device: str | None, stop: Stop) -> Iterator[np.ndarray]:
    if source == "mic":
        return of_microphone(device, stop)
    return of_stdin(stop) if source == "-" else _with_bar(Path(source))


def _with_bar(path: Path) -> Iterator[np.ndarray]:
    """The blocks of a sound file; a long one shows how much of it was heard."""
    blocks, done = of_file(path), 0
    first = next(blocks, None)  # a file that can't be read has said so by now
    if first is None:
        return
    total = announced(path) or 0
    if total < LONG_S * RATE:
        yield first
        yield from blocks
        return
    with shares(f"hearing {shown(path.name)}") as show:
        for block in itertools.chain([first], blocks):
            done += len(block)
            show(min(1.0, done / total))
            yield block


def _hops(
    ear: Ear, blocks: Iterator[np.ndarray], stop: Stop, follows: bool, keep: Collector | None
) -> Iterator[Hop]:
    """Yield all hops of a source. If `follows`, room tone is appended to it."""
    for hop in _heard(ear, blocks, stop, follows, keep):
        if keep is not None and hop.smoothed is not None:
            if hop.event:
                keep.event(hop.t_ms, hop.event[0], hop.event[1] / ONE)
            rows = zip(ear.chain.labels, hop.smoothed, strict=True)
            keep.scores(hop.t_ms, ((label, int(score) / ONE) for label, score in rows))
        yield hop


def _heard(
    ear: Ear, blocks: Iterator[np.ndarray], stop: Stop, follows: bool, keep: Collector | None
) -> Iterator[Hop]:
    ending = Ending(ear.chain.metadata)
    for block in blocks:
        ending.add(block)
        if keep is not None:
            keep.hear(block)
        for hop in ear.feed(block):
            if stop:
                return
            yield hop
    if follows:
        if keep is not None:
            keep.hear(ending.pcm())
        yield from ear.follow(ending.pcm())
    yield from ear.finish()


def _draw(folder: Path, source: str, event: dict, chain: Chain) -> None:
    name = "stdin" if source == "-" else source
    title = f"{event['label']} {event['score']:.3f} at {event['t_ms'] / 1000:.3f} s"
    path = folder / file_name(name, event["t_ms"], event["label"])
    draw(path, chain.window(), title, event["t_ms"], chain.metadata.features.hop_ms)


def _summary(source: str, ear: Ear) -> str:
    count = ear.count
    name = "stdin" if source == "-" else source
    events = f"{count.events} event{'s'[: count.events != 1]}" if count.events else "no events"
    return (
        f"{name}: {count.samples / RATE:.1f} s, {events}; "
        f"{count.scored} of {count.hops} hops scored"
    )
