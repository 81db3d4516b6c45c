"""A board on a desk in two minutes: who it is, its stream, its microphone, its speed.

The same function checks an attached board and a virtual one: it knows only the wire protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from otolith.audio import RATE
from otolith.compile import model_hash
from otolith.device import Client, Hello
from otolith.device.boards import named
from otolith.device.frames import Frame
from otolith.device.records import Stats
from otolith.errors import UserError, shown
from otolith.listen.chain import Chain
from otolith.summarize.realtime import of_file
from otolith.version import PROTOCOL, VERSION

PASSED, FAILED, TOLD, SKIPPED = "passed", "FAILED", "told", "skipped"
STREAM_S = 10.0  # of listening
RATE_PPM = 2_000.0  # off the computer's clock at most: a clock that is 0.2 % wrong is no crystal
QUIET_S = 0.5  # the noise floor is that of the quietest stretch so long
GAIN_DB = 6  # up and down again
INJECTED_S = 0.7  # more than the network's window
_NOTHING_DBFS = -120.0
_PATIENCE_MS = 3000.0


@dataclass(frozen=True)
class Point:
    """One thing that was checked.

    verdict: "passed", "FAILED", "told" (a figure without a limit) or "skipped".
    text: what was found, in one line. figures: the numbers in it.
    """

    name: str
    verdict: str
    text: str
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a check found. when: the day, UTC. points: in the order they were made."""

    board: str
    firmware: str
    app: str
    model: str
    host: str
    when: str
    points: tuple[Point, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(point.verdict != FAILED for point in self.points)

    def to_json(self) -> dict[str, Any]:
        """As it is written for the issue form: no serial number, no path, no port."""
        return {**asdict(self), "passed": self.passed}


def _dbfs(rms: float) -> float:
    return max(_NOTHING_DBFS, 20 * float(np.log10(max(rms, 1e-9) / 32768)))


def _identity(hello: Hello) -> list[Point]:
    told = f"{hello.app or 'an app'} {hello.version or '?'} on {hello.board or '?'}"
    if hello.model:
        told += f", model {hello.model} ({hello.hash})"
    fits = hello.protocol == PROTOCOL
    text = f"{told}; protocol {hello.protocol}" + ("" if fits else f", here {PROTOCOL}")
    return [Point("firmware", PASSED if fits else FAILED, shown(text))]


def usb(described: str) -> Point:
    """What the computer sees on USB."""
    return Point("USB", TOLD if described else SKIPPED, shown(described or "not a USB port"))


@dataclass
class _Stream:
    """Blocks of PCM and when they came."""

    pcm: np.ndarray
    sequence: np.ndarray
    t_ms: np.ndarray


def _listen(client: Client, seconds: float) -> _Stream:
    client.command("pcm on")
    blocks, sequence, times = [], [], []
    start = client.transport.time_ms()
    try:
        for message in client.lines(_PATIENCE_MS):
            now = client.transport.time_ms()
            if isinstance(message, Frame) and message.type == "P":
                blocks.append(np.frombuffer(message.data, "<i2"))
                sequence.append(message.sequence)
                times.append(now)
            if now - start >= 1000 * seconds:
                break
    finally:
        client.ask("pcm off")
    if len(blocks) < 2:
        raise UserError("the board sends no sound: is its microphone wired?")
    numbers = np.unwrap(np.array(sequence, float), period=65536)
    return _Stream(np.concatenate(blocks), numbers, np.array(times))


def _gaps(stream: _Stream) -> Point:
    lost = int(np.sum(np.diff(stream.sequence) - 1))
    text = f"{len(stream.sequence)} blocks in {np.ptp(stream.t_ms) / 1000:.1f} s, {lost} lost"
    return Point("stream", FAILED if lost else PASSED, text, {"lost": float(lost)})


def _clock(stream: _Stream) -> Point:
    """The sample rate by a line through the arrival times, with its standard error."""
    block = len(stream.pcm) / len(stream.sequence)
    x, y = stream.sequence * block, stream.t_ms / 1000
    x, y = x - x.mean(), y - y.mean()
    seconds_a_sample = float(np.sum(x * y) / np.sum(x * x))
    rest = y - seconds_a_sample * x
    error = float(np.sqrt(np.sum(rest**2) / max(1, len(x) - 2) / np.sum(x * x)))
    rate = 1 / seconds_a_sample
    ppm, unsure = 1e6 * (rate / RATE - 1), 2e6 * error / seconds_a_sample
    fine = abs(ppm) <= RATE_PPM + unsure
    text = f"{rate:,.1f} Hz by the computer's clock: {ppm:+.0f} ppm, give or take {unsure:.0f}"
    return Point(
        "sample rate", PASSED if fine else FAILED, text, {"ppm": ppm, "unsure_ppm": unsure}
    )


def _noise(stream: _Stream, hello: Hello) -> Point:
    pcm = stream.pcm.astype(float)
    size = int(QUIET_S * RATE)
    parts = pcm[: len(pcm) // size * size].reshape(-1, size) if len(pcm) >= size else pcm[None]
    floor = _dbfs(float(parts.std(1).min()))
    mean, peak = float(pcm.mean()), int(np.abs(pcm).max())
    figures = {"floor_dbfs": floor, "mean": mean, "peak": float(peak)}
    gain = "" if hello.gain_db is None else f", gain {hello.gain_db} dB"
    kind = f"{hello.microphone} microphone: " if hello.microphone else ""
    text = f"{kind}noise floor {floor:.0f} dBFS, mean {mean:+.0f}, peak {peak}{gain}"
    if np.ptp(pcm) == 0:
        text += ": every sample is the same. Is the microphone wired, its SELECT as in the JSON?"
        return Point("microphone", FAILED, text, figures)
    clipped = float(np.mean(np.abs(pcm) >= 32767))
    if clipped > 0.05:
        text += f": {clipped:.0%} of the samples are at full scale. Is the data pin floating?"
        return Point("microphone", FAILED, text, figures)
    return Point("microphone", PASSED, text, figures)


def _gain(client: Client, hello: Hello) -> Point:
    if hello.gain_db is None:
        return Point("gain", SKIPPED, "this firmware has none")
    up = hello.gain_db + (GAIN_DB if hello.gain_db <= 0 else -GAIN_DB)
    try:
        there = client.microphone(up).gain_db
        back = client.microphone(hello.gain_db).gain_db
    except UserError as error:
        return Point("gain", FAILED, shown(error.message))
    fine = (there, back) == (up, hello.gain_db)
    return Point("gain", PASSED if fine else FAILED, f"set to {there} dB and back to {back} dB")


def _load(client: Client) -> tuple[Point, Stats]:
    stats = client.command("stats")
    assert isinstance(stats, Stats)
    lost = (stats.overruns or 0) + (stats.dropped or 0)
    text = (
        f"CPU {100 * (stats.cpu or 0):.1f} %, stack {stats.stack} bytes, {stats.overruns} blocks "
        f"lost, {stats.dropped} messages dropped"
    )
    figures = {"cpu": float(stats.cpu or 0), "stack": float(stats.stack or 0)}
    return Point("load", FAILED if lost else PASSED, text, figures), stats


def _same(client: Client, model: bytes) -> Point:
    """Whether the board makes of a sound what this computer makes of it."""
    rng = np.random.default_rng(5)
    chain = Chain(model)
    features_of = chain.metadata.features
    window_s = features_of.frames * features_of.hop_ms / 1000
    samples = int((window_s + INJECTED_S) * RATE)
    pcm = rng.normal(0, 3000, samples).clip(-32768, 32767).astype(np.int16)
    result = client.inject(pcm)
    hops = list(chain.run(pcm))
    features = [hop.features for hop in hops if len(hop.features)]
    scored = [hop.q for hop in hops if hop.q is not None]
    same = (
        result.hops == len(hops)
        and len(result.features) == sum(map(len, features))
        and (not features or np.array_equal(result.features, np.concatenate(features)))
        and len(result.outputs) == len(scored)
        and (not scored or np.array_equal(result.outputs, np.array(scored)))
    )
    text = f"{len(result.features)} feature frames and {len(scored)} outputs of injected sound "
    text += "equal this computer's" if same else "differ from this computer's"
    return Point("results", PASSED if same else FAILED, text)


def _speed(hello: Hello, stats: Stats, model: bytes) -> Point:
    if not stats.infer_us or not hello.board:
        return Point("cycles", SKIPPED, "the board has not run its network yet")
    try:
        board = named(hello.board)
        known = of_file(model, hello.model or "model", hello.board)
    except UserError as error:
        return Point("cycles", SKIPPED, error.message)
    if known is None:
        return Point("cycles", SKIPPED, "no cycles of this chip were measured")
    measured = stats.infer_us * board.clock_hz / 1e6
    low, high = known.cycles or (1.0, 1.0)
    modelled = known.network_ms * board.clock_hz / 1000
    most = f" to {high * modelled:,.0f}" if high != low else ""
    text = f"network {measured:,.0f} cycles measured, {low * modelled:,.0f}{most} modelled"
    return Point("cycles", TOLD, text, {"measured": measured, "modelled": low * modelled})


def check(
    client: Client,
    model: bytes | None = None,
    described: str = "",
    seconds: float = STREAM_S,
    told: Callable[[str], None] = lambda line: None,
) -> Report:
    """Check a board that runs one of Otolith's apps; about 20 s on a desk.

    Args:
        client: talks to it.
        model: the .tflite it should run, for results and cycles. None: these are skipped.
        described: what the computer sees on USB.
        seconds: how long to listen.
        told: gets what happens next, in a few words.

    Returns:
        What was found. A point that the firmware can't answer is skipped, and says why.

    Raises:
        UserError: nobody answers at the port, or no sound comes.
    """
    told("who is it")
    hello = client.hello()
    points = _identity(hello)
    points.append(usb(described))
    told(f"listening for {seconds:.0f} s")
    stream = _listen(client, seconds)
    points += [_gaps(stream), _clock(stream), _noise(stream, hello), _gain(client, hello)]
    load, stats = _load(client)
    points.append(load)
    if hello.app != "inference":
        points.append(Point("results", SKIPPED, f"{shown(hello.app or '?')} runs no network"))
    elif model is None:
        points.append(Point("results", SKIPPED, "no model given: --model FILE"))
    else:
        told("injecting a sound")
        points.append(_same(client, model))
        points.append(_speed(hello, stats, model))
    return Report(
        shown(hello.board or "?"),
        shown(hello.version or "?"),
        shown(hello.app or "?"),
        shown(hello.model or ""),
        VERSION,
        time.strftime("%Y-%m-%d", time.gmtime()),
        tuple(points),
    )


def page(report: Report) -> str:
    """The report as text, a line a point."""
    head = f"{report.board}, firmware {report.firmware}, {report.when}, by Otolith {report.host}"
    lines = [f"{point.name:<12} {point.verdict:<8} {point.text}" for point in report.points]
    return "\n".join([head, *lines, "passed" if report.passed else "FAILED"])


def model_of(hello_hash: str | None, folders: list[Path]) -> bytes | None:
    """The .tflite below `folders` whose hash the board told; None if there is none."""
    files = [file for folder in folders for file in sorted(folder.rglob("*.tflite"))]
    for file in files if hello_hash else []:
        data = file.read_bytes()
        if model_hash(data) == hello_hash:
            return data
    return None
