"""Long recordings, read a block at a time: an hour costs no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio.convert import mono
from otolith.audio.rate import RATE
from otolith.errors import UserError, shown


def pcm_blocks(path: Path) -> Iterator[np.ndarray]:
    """int16 blocks of any sound file at 16 kHz, mono; UserError with its name."""
    try:
        for block in mono(path):
            yield np.clip(np.round(block * 32768), -32768, 32767).astype(np.int16)
    except UserError as error:
        raise UserError(f"{shown(path)}: {error.message}") from error
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        raise UserError(
            f"{shown(path)}: not a sound file that can be read: {' '.join(str(reason).split())}"
        ) from error


def length_of(path: Path) -> int:
    """Samples at 16 kHz that a file announces."""
    import soundfile

    try:
        about = soundfile.info(str(path))
    except (OSError, RuntimeError, TypeError) as error:
        reason = getattr(error, "error_string", None) or error
        raise UserError(f"{shown(path)}: not a sound file that can be read: {reason}") from error
    return round(about.frames * RATE / about.samplerate)


@dataclass
class Span:
    """Samples start..stop of a recording, to be cut out; may reach beyond its ends: silence."""

    start: int
    stop: int
    about: object = None
    _parts: list[np.ndarray] = field(default_factory=list, repr=False)


def cut_out(
    path: Path,
    spans: Sequence[Span],
    take: Callable[[Span, np.ndarray], None],
    step: Callable[[int], None] = lambda samples: None,
) -> None:
    """Read the recording once; `take` gets each span's int16 samples as soon as it is whole, in the
    order they end. `step` gets the samples read."""
    waiting = sorted(spans, key=lambda span: span.start)
    open_: list[Span] = []
    at = 0
    for block in pcm_blocks(path):
        end = at + len(block)
        while waiting and waiting[0].start < end:
            span = waiting.pop(0)
            span._parts.append(np.zeros(max(0, min(0, span.stop) - span.start), np.int16))
            open_.append(span)
        for span in open_:
            part = block[max(0, span.start - at) : max(0, span.stop - at)]
            if len(part):
                span._parts.append(part.copy())
        for span in sorted((s for s in open_ if s.stop <= end), key=lambda s: s.stop):
            _finish(span, take)
        open_ = [span for span in open_ if span.stop > end]
        at = end
        step(len(block))
    for span in sorted([*open_, *waiting], key=lambda s: s.stop):
        _finish(span, take)


def _finish(span: Span, take: Callable[[Span, np.ndarray], None]) -> None:
    pcm = np.concatenate([*span._parts, np.empty(0, np.int16)])
    span._parts.clear()
    take(span, np.pad(pcm, (0, max(0, span.stop - span.start - len(pcm)))))
