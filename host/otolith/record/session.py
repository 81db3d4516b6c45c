"""Records takes one after the other. A rejected take is recorded again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

import numpy as np

from otolith.audio import RATE, segment
from otolith.audio.blocks import Block, Source
from otolith.audio.levels import Levels, amplify
from otolith.audio.wav import WavWriter
from otolith.errors import UserError
from otolith.files import disk_errors
from otolith.record.meter import Meter
from otolith.record.stop import Stop
from otolith.record.store import Store

_SETTLE = RATE // 4  # samples dropped after opening, because many microphones begin with a click
_SLACK = RATE  # extra samples to record if the sound is to be centred
MARGIN = RATE // 20  # samples kept around a sound that is cut out
_KEEP = RATE  # samples; a take ended by Ctrl-C is kept if it is this long
_LONG = 60 * RATE  # samples; a take this long is rescued when the disk is full
_PATIENCE_S = 10.0  # s of wall time without samples before recording fails


@dataclass(frozen=True)
class Plan:
    """What to record.

    Attributes:
        count: Number of takes to keep. None: until stopped.
        seconds: Length of a take.
        fixed: Whether every take has exactly this length, also after trimming.
        trim: Whether to trim silence from both ends of a take.
        duration: Length of a continuous recording in seconds. None: until stopped.
        countdown: Seconds before each take.
        silence_db: Takes that are quieter than this are rejected, dBFS.
        gain_db: Gain applied to takes, dB.
        attempts: Most rejections in a row.
    """

    count: int | None = 1
    seconds: float = 1.0
    fixed: bool = True
    trim: bool = False
    duration: float | None = None
    countdown: float = 3.0
    silence_db: float = -60.0
    gain_db: float = 0.0
    attempts: int = 5


@dataclass
class Take:
    """The result of a take.

    Attributes:
        label: Its label.
        kept: Whether it is in the dataset.
        file: Its path relative to the dataset. None if it was rejected.
        reason: Why it was rejected. None if it was kept.
        seconds: Its length.
        peak_dbfs: Peak level. None for digital silence.
        rms_dbfs: RMS level. None for digital silence.
        clipped: Number of samples clipped by the microphone or by the gain.
        lost: Number of samples lost on the way.
        overflows: Number of times that an unknown number of samples was lost.
    """

    label: str
    kept: bool
    file: str | None
    reason: str | None
    seconds: float
    peak_dbfs: float | None
    rms_dbfs: float | None
    clipped: int
    lost: int
    overflows: int

    def json(self) -> dict:
        """The fields as values for JSON."""
        return asdict(self)


@dataclass
class Capture:
    """A take in an unfinished file.

    Attributes:
        file: The file.
        at: When the take began.
        lost: Number of samples lost on the way.
        overflows: Number of times that an unknown number of samples was lost.
        saturated: Number of samples clipped by the gain.
        levels: Levels after the gain, as in the file.
        heard: Levels before the gain.
    """

    file: WavWriter
    at: datetime
    lost: int = 0
    overflows: int = 0
    saturated: int = 0
    levels: Levels = field(default_factory=Levels)
    heard: Levels = field(default_factory=Levels)

    @property
    def clipped(self) -> int:
        """Number of samples clipped by the microphone."""
        return self.heard.clipped

    def write(self, pcm: np.ndarray, gain_db: float) -> None:
        """Append PCM (int16) from the microphone, after applying the gain. Raises OSError."""
        louder, saturated = amplify(pcm, gain_db)
        self.file.write(louder)
        self.saturated += saturated
        self.heard.add(pcm)
        self.levels.add(louder)


class Session:
    """Records takes.

    Args:
        plan: What to record.
        source: The microphone.
        store: Where takes are kept.
        meter: Shows the level.
        stop: Becomes true when the user wants to stop.
        report: Gets the result of every take.
    """

    def __init__(
        self,
        plan: Plan,
        source: Source,
        store: Store,
        meter: Meter,
        stop: Stop,
        report: Callable[[Take], None],
    ) -> None:
        self.plan, self.source, self.store = plan, source, store
        self.meter, self.stop, self.report = meter, stop, report
        self.kept = 0
        self._rest: list[Block] = []  # samples of the last block that belong to the next take

    # ---- sound ----

    def _read(self) -> Block:
        if self._rest:
            return self._rest.pop()
        return self.source.read()

    def listen(self, samples: int) -> Iterator[Block]:
        """Yield blocks with `samples` samples in all, or fewer if recording is stopped.

        Raises:
            UserError: No sound comes from the microphone.
        """
        since = time.monotonic()
        while samples and not self.stop:
            block = self._read()
            if self.stop and not len(block.pcm):
                return
            if not len(block.pcm) and time.monotonic() - since > _PATIENCE_S:
                raise UserError(
                    f"no sound came from {self.source.name} for {_PATIENCE_S:.0f} s: is it still "
                    "attached?"
                )
            if len(block.pcm):
                since = time.monotonic()
            if len(block.pcm) > samples:
                self._rest.append(Block(block.pcm[samples:]))
                block = Block(block.pcm[:samples], block.lost, block.overflows)
            samples -= len(block.pcm)
            yield block

    def settle(self) -> None:
        """Drop the first samples: many microphones begin with a click."""
        for _ in self.listen(_SETTLE):
            pass

    def count_down(self) -> None:
        """Count down before a take."""
        left = round(self.plan.countdown * RATE)
        for block in self.listen(left):
            left -= len(block.pcm)
            self.meter.show(f"starts in {math.ceil(left / RATE)} ...", block.pcm)

    # ---- one take ----

    def _capture(self, samples: int) -> Capture:
        """Record a take. With trimming, the gain is applied later."""
        at = datetime.now().astimezone()
        take = Capture(self.store.begin(at), at)
        gain_db = 0.0 if self.plan.trim else self.plan.gain_db
        try:
            for block in self.listen(samples):
                take.lost += block.lost
                take.overflows += block.overflows
                with disk_errors(take.file.path):
                    take.write(block.pcm, gain_db)
                done = take.file.samples / RATE
                self.meter.show(f"recording {done:.1f}/{samples / RATE:.1f} s", block.pcm)
        except UserError as error:
            self._rescue(take, error)
            raise
        except BaseException:
            take.file.discard()
            raise
        return take

    def _rescue(self, take: Capture, error: UserError) -> None:
        """Keep a long take when the disk is full or the microphone is gone."""
        if take.file.samples < _LONG or self._why_not(take):
            take.file.discard()
            return
        try:
            if self.plan.trim and self.plan.gain_db:
                raise UserError("the gain is still missing")
            file = self.store.rescue(take.file, take.at)
        except UserError:
            take.file.close()
            error.message += f"; what was recorded is in {take.file.path}"
            return
        self._report(take, file, None)

    def _cut(self, take: Capture) -> Capture:
        """Replace a take by its trimmed part."""
        pcm = take.file.read(0, take.file.samples)
        rules = segment.Rules(quietest_db=self.quietest_db, most=len(pcm))
        levels = segment.frame_levels(pcm)
        span = segment.sound_span(levels, rules)
        if span and not self.plan.fixed and not segment.holds_all(levels, span):
            span = None  # a sound such as rain fills the whole take
        start, stop = (span[0] * segment.FRAME, span[1] * segment.FRAME) if span else (0, len(pcm))
        start, stop = self.frame(start, stop, len(pcm))
        try:
            return self.write_take(pcm[start:stop], take.at, take.lost, take.overflows)
        finally:
            take.file.discard()

    def frame(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """The span of samples to keep around a sound.

        Args:
            start: First sample of the sound.
            stop: End of the sound.
            length: Samples of the recording.

        Returns:
            Start and stop of the span.
        """
        if self.plan.fixed:
            return segment.centre(start, stop, round(self.plan.seconds * RATE), length)
        return segment.widen(start, stop, MARGIN, length)

    @property
    def quietest_db(self) -> float:
        """The threshold of silence before the gain, dBFS."""
        return self.plan.silence_db - self.plan.gain_db

    def write_take(self, pcm: np.ndarray, at: datetime, lost: int, overflows: int) -> Capture:
        """Write a take that was cut out of a longer recording.

        Args:
            pcm: int16 samples before the gain.
            at: When the take began.
            lost: Number of samples lost in it.
            overflows: Number of overflows in it.

        Raises:
            UserError: The disk can't be written.
        """
        take = Capture(self.store.begin(at), at, lost=lost, overflows=overflows)
        try:
            with disk_errors(take.file.path):
                take.write(pcm, self.plan.gain_db)
        except BaseException:
            take.file.discard()
            raise
        return take

    def _why_not(self, take: Capture) -> str | None:
        """Why a take is rejected. None if it is good."""
        if take.lost:
            return f"{take.lost} samples were lost on the way"
        if take.overflows:
            return f"samples were lost, {take.overflows} times: the computer was too slow"
        if take.clipped:
            return f"clipped ({take.clipped} samples at full scale): move away from the sound"
        if take.saturated:
            return f"clipped ({take.saturated} samples by the gain): lower --gain"
        loudest = take.levels.loudest_db
        if loudest < self.plan.silence_db or loudest == -math.inf:
            level = f"{loudest:.1f} dBFS" if math.isfinite(loudest) else "no signal at all: muted?"
            return f"silent ({level}; --silence is {self.plan.silence_db:g})"
        return None

    def judge(self, take: Capture, source: str = "") -> str | None:
        """Keep or reject a take, and report the result.

        Args:
            take: The take.
            source: The recording it was cut from, or "".

        Returns:
            Why it was rejected, or None.

        Raises:
            UserError: The disk can't be written. A long take stays in its unfinished file.
        """
        reason = self._why_not(take)
        if reason:
            take.file.discard()
            self._report(take, None, reason)
            return reason
        try:
            file = self.store.keep(take.file, take.at, source)
        except UserError as error:
            if take.file.samples < _LONG:
                take.file.discard()
            else:
                take.file.close()
                error.message += f"; what was recorded is in {take.file.path}"
            raise
        self._report(take, file, None)
        return None

    def _report(self, take: Capture, file: str | None, reason: str | None) -> None:
        self.kept += file is not None
        self.report(
            Take(
                label=self.store.row.label,
                kept=file is not None,
                file=file,
                reason=reason,
                seconds=round(take.file.samples / RATE, 4),
                peak_dbfs=_rounded(take.levels.peak_db),
                rms_dbfs=_rounded(take.levels.rms_db),
                clipped=take.clipped + take.saturated,
                lost=take.lost,
                overflows=take.overflows,
            )
        )

    # ---- takes ----

    def run(self) -> None:
        """Record all takes of the plan. Raises UserError if a take is rejected too often."""
        self.settle()
        plan = self.plan
        samples = round(plan.seconds * RATE) + (_SLACK if plan.trim and plan.fixed else 0)
        rejected = 0
        while not self.stop and (plan.count is None or self.kept < plan.count):
            of = f" of {plan.count}" if plan.count else ""
            self.meter.heading(f"take {self.kept + 1}{of}")
            self.count_down()
            if self.stop:
                return
            take = self._capture(samples)
            if self.stop and take.file.samples < min(samples, _KEEP):
                take.file.discard()
                return
            if plan.trim:
                take = self._cut(take)
            reason = self.judge(take)
            rejected = rejected + 1 if reason else 0
            if rejected >= plan.attempts and not self.stop:
                raise UserError(
                    f"take {self.kept + 1} was rejected {rejected} times in a row, last: {reason}"
                )


def _rounded(level_db: float) -> float | None:
    return round(level_db, 2) if math.isfinite(level_db) else None
