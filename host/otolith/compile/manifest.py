"""microWakeWord manifests: a JSON file that describes a wake word network beside it.

Versions 1 and 2 as ESPHome's component micro_wake_word reads them. The decision is that of PyPI's
pymicro-wakeword: an event if the mean of the last probabilities is above the cutoff.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from otolith.audio.rate import RATE
from otolith.compile.graph import Tensor
from otolith.errors import UserError, short
from otolith.settings.deploy import MOST_HOP, Deploy
from otolith.settings.detect import MOST_SMOOTHING, ONE, Detect, decimal, q15
from otolith.settings.features import preset
from otolith.settings.front_ends.logmel import Logmel
from otolith.settings.metadata import Metadata
from otolith.settings.problems import Problems
from otolith.untrusted import load_json, read_text

REST = "background"  # the class of sounds that are not the word
SILENT_S = 1.0  # after an event; ESPHome leaves it to the user
STEP_V1_MS = 20  # version 1 does not say it
MOST_ARENA = 1 << 20  # bytes

Share = Annotated[float, Meta(gt=0, lt=1)]
Window = Annotated[int, Meta(ge=1, le=MOST_SMOOTHING)]
Step = Annotated[int, Meta(ge=1, le=30)]
Arena = Annotated[int, Meta(ge=1, le=MOST_ARENA)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Micro(msgspec.Struct, frozen=True):
    """The section "micro" of version 2.

    probability_cutoff: the mean probability above which the word was heard, 0 to 1.
    sliding_window_size: how many probabilities are averaged.
    feature_step_size: milliseconds from one frame of features to the next.
    tensor_arena_size: bytes of RAM that TensorFlow Lite Micro needs.
    """

    probability_cutoff: Share
    sliding_window_size: Window
    feature_step_size: Step
    tensor_arena_size: Arena


class MicroV1(msgspec.Struct, frozen=True):
    """The section "micro" of version 1."""

    probability_cutoff: Share
    sliding_window_average_size: Window


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Attributes:
        network: The .tflite, in the manifest's folder.
        wake_word: What has to be said.
        micro: How the network listens and decides.
    """

    network: Path
    wake_word: str
    micro: Micro

    @property
    def name(self) -> str:
        """A model's name made of the network's file name."""
        return re.sub(r"[^A-Za-z0-9_.-]", "_", self.network.stem)[:40]


class _Reader:
    """Takes values out of a JSON object and collects what is wrong."""

    def __init__(self) -> None:
        self.problems = Problems()

    def value(self, table: Mapping[str, Any], section: str, key: str, kind: Any) -> Any:
        """A value of the type `kind`; None if it is missing or wrong, which is recorded."""
        name = f"{section}.{key}" if section else key
        if key not in table:
            self.problems.add(section, key, f"lacks {name}")
            return None
        try:
            return msgspec.convert(table[key], kind)
        except msgspec.ValidationError as error:
            shown = short(repr(table[key]))
            text = f"{name} = {shown}: {str(error).partition(' - at ')[0].lower()}"
            self.problems.add(section, key, text)
            return None

    def record(self, table: Mapping[str, Any], section: str, kind: type[msgspec.Struct]) -> Any:
        """A record of `kind`; None if a field is missing or wrong."""
        values = {
            field.name: self.value(table, section, field.encode_name, field.type)
            for field in msgspec.structs.fields(kind)
        }
        return None if None in values.values() else kind(**values)


def read_manifest(path: Path) -> Manifest:
    """Reads a microWakeWord manifest.

    Args:
        path: The JSON file.

    Raises:
        UserError: It can't be read, is no manifest, or is wrong. All problems are told together.
    """
    try:
        table = load_json(read_text(path, "name a microWakeWord manifest"))
    except UserError as error:
        told = error.message.startswith(str(path))
        raise error if told else UserError(f"{path}: {error.message}") from error
    if not isinstance(table, dict):
        raise UserError(f"{path}: not a JSON object: no microWakeWord manifest")
    reader = _Reader()
    kind = reader.value(table, "", "type", Text)
    if kind not in (None, "micro"):
        reader.problems.add("", "type", f"type = {short(repr(kind))}: must be 'micro'")
    version = reader.value(table, "", "version", int)
    if version not in (None, 1, 2):
        reader.problems.add("", "version", f"version = {version}: must be 1 or 2")
    word = reader.value(table, "", "wake_word", Text)
    if word is not None and (not word.isprintable() or word != word.strip() or len(word) > 40):
        reader.problems.add(
            "", "wake_word", f"wake_word = {short(repr(word))}: must be up to 40 printable letters"
        )
    model = reader.value(table, "", "model", Text)
    network = None if model is None else _beside(path, model, reader.problems)
    found = table.get("micro")
    micro = None
    if not isinstance(found, dict):
        reader.problems.add("", "micro", "lacks micro, a table of settings")
    elif version == 1:
        old = reader.record(found, "micro", MicroV1)
        if old is not None:
            size = old.sliding_window_average_size
            micro = Micro(old.probability_cutoff, size, STEP_V1_MS, MOST_ARENA)
    elif version == 2:
        micro = reader.record(found, "micro", Micro)
    reader.problems.refuse(str(path))
    assert network is not None and word is not None and micro is not None
    return Manifest(network, word, micro)


def _beside(path: Path, model: str, problems: Problems) -> Path | None:
    """The network's file. It must be inside the manifest's folder, also after following links."""
    where = f"model = {short(repr(model))}"
    folder = path.resolve().parent
    inside, there = True, False
    try:
        file = (folder / model).resolve()
        inside, there = file.is_relative_to(folder), file.is_file()
    except (OSError, ValueError, RuntimeError):  # a NUL, a name too long, links in a circle
        pass
    if not inside:
        problems.add("", "model", f"{where}: leads out of the manifest's folder")
    elif not model.endswith(".tflite"):
        problems.add("", "model", f"{where}: must be a .tflite file")
    elif not there:
        problems.add("", "model", f"{where}: no such file in {folder}")
    else:
        return path.parent / model
    return None


def metadata_of(manifest: Manifest, source: Tensor, output: Tensor) -> Metadata:
    """The metadata of a network that a manifest describes.

    Args:
        manifest: What the manifest says.
        source: The network's int8 input: new frames of features, the oldest first.
        output: Its int8 output: one probability.

    Raises:
        UserError: The network is none of microWakeWord's.
    """
    front_end = preset("micro_speech")
    assert isinstance(front_end, Logmel)
    bands = front_end.bands
    frames, rest = divmod(source.count, bands)
    if rest or source.shape[-1] != bands or frames < 1:
        shape = "x".join(map(str, source.shape))
        raise UserError(f"takes {shape} values: microWakeWord's networks take frames of {bands}")
    if output.count != 1:
        raise UserError(f"gives {output.count} scores: microWakeWord's networks give one")
    hop = manifest.micro.feature_step_size * RATE // 1000
    if frames * hop > MOST_HOP:
        raise UserError(f"steps by {frames} frames of {hop} samples: at most {MOST_HOP} are taken")
    front_end = replace(
        front_end,
        hop=hop,
        frames=frames + lag(front_end.window, hop, frames),
        input="nearest",
    )
    threshold = cutoff(manifest.micro, output)
    smoothing = manifest.micro.sliding_window_size
    each = frames * hop / RATE
    return Metadata(
        front_end,
        Detect(
            {manifest.wake_word: threshold},
            smoothing=smoothing,
            minimum_count=smoothing,
            suppression_hops=round(SILENT_S / each),
        ),
        Deploy(frames),
        (REST, manifest.wake_word),
        manifest.name,
        f"microWakeWord: {manifest.wake_word}",
    )


def lag(window: int, hop: int, frames: int) -> int:
    """By how many frames a network that keeps its own state runs behind.

    It takes frames 1 to `frames` first, then the next `frames`, and so on. Hops end every
    `frames * hop` samples, when some frames of the next step may be there already.

    Args:
        window: Samples of a frame's window.
        hop: Samples from one frame to the next.
        frames: Frames of a step.
    """
    missing = math.ceil(window / hop) - 1  # hops before the first frame
    return -missing % frames


def cutoff(micro: Micro, output: Tensor) -> float:
    """The threshold that makes lib/detect decide as the reference does.

    The reference decides `mean > probability_cutoff`, lib/detect `mean >= threshold` on scores
    in Q15, rounded down. With outputs in steps of 1/256, as microWakeWord has them, both always
    agree.

    Args:
        micro: The manifest's settings.
        output: The network's output.
    """
    size, scale = micro.sliding_window_size, Fraction(float(output.scale))
    multiplier = min(round(scale * 32768 * 65536), 2**31 // 256)

    def mean(total: int) -> int:
        """Q15 of the mean of `size` outputs above the zero point that add up to `total`."""
        whole, more = divmod(total, size)
        q = [((whole + (i < more)) * multiplier) >> 16 for i in range(size)]
        return sum(min(v, ONE) for v in q) // size

    least = math.floor(Fraction(micro.probability_cutoff) * size / scale)
    while float(least * scale / size) <= micro.probability_cutoff:  # as the reference compares
        least += 1
    below, above = mean(least - 1), mean(least)
    # The shortest decimal between them; the upper one at least does it.
    for digits in range(2, 6):
        for value in range(below + 1, above + 1):
            short_one = round(value / ONE, digits)
            if below < q15(short_one) <= above:
                return short_one
    return float(decimal(max(above, 1)))
