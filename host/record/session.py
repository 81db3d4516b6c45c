"""Takes, one after the other: listen, judge, keep or try again."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from types import FrameType

import numpy as np

from host.errors import UserError
from host.features import RATE
from host.record import segment
from host.record.levels import Levels, amplify
from host.record.meter import Meter
from host.record.source import Block, Source
from host.record.store import Store, disk_errors
from host.record.wav import MAX_SECONDS, WavWriter

_SETTLE = RATE // 4  # samples after opening: many microphones begin with a click
_SLACK = RATE  # samples more to listen, when the sound is centred
_MARGIN = RATE // 20  # samples around a sound that is cut out
_KEEP = RATE  # samples: what Ctrl-C leaves of a take is kept if it is as long
_LONG = 60 * RATE  # samples: worth rescuing when the disk is full
_PATIENCE_S = 10.0  # wall time without a sample
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True)
class Plan:
    """What to record."""

    count: int | None = 1  # takes; None: until stopped
    seconds: float = 1.0  # of a take
    fixed: bool = True  # every take is as long as `seconds`, also after trimming
    trim: bool = False
    continuous: bool = False  # one stretch, split into takes
    duration: float | None = None  # seconds of the stretch; None: until stopped
    countdown: float = 3.0  # seconds
    silence_db: float = -60.0  # dBFS
    gain_db: float = 0.0
    attempts: int = 5  # rejections of a take in a row


@dataclass
class Take:
    """What became of a take."""

    label: str
    kept: bool
    file: str | None  # below the dataset
    reason: str | None  # why it was rejected
    seconds: float
    peak_dbfs: float | None
    rms_dbfs: float | None
    clipped: int  # samples
    lost: int  # samples
    overflows: int

    def json(self) -> dict:
        """For --json."""
        return asdict(self)


class Stop:
    """Ctrl-C (and the like) sets a flag instead of tearing a file in two."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict = {}

    def __bool__(self) -> bool:
        return self.signal is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number

    def __enter__(self) -> Stop:
        for name in _SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


@dataclass
class Capture:
    """A take in an unfinished file."""

    file: WavWriter
    at: datetime  # when it began
    lost: int = 0
    overflows: int = 0
    saturated: int = 0  # samples the gain cut off
    levels: Levels = field(default_factory=Levels)  # of what is in the file
    heard: Levels = field(default_factory=Levels)  # before the gain

    @property
    def clipped(self) -> int:
        """Samples at the microphone's full scale."""
        return self.heard.clipped

    def write(self, pcm: np.ndarray, gain_db: float) -> None:
        """Append what came from the microphone. May raise OSError."""
        louder, saturated = amplify(pcm, gain_db)
        self.file.write(louder)
        self.saturated += saturated
        self.heard.add(pcm)
        self.levels.add(louder)


class Session:
    """Records from `source` into `store` by `plan`; every take's fate goes to `report`."""

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
        self._rest: list[Block] = []  # came with a block, belongs after what was asked for

    # ---- sound ----

    def _read(self) -> Block:
        if self._rest:
            return self._rest.pop()
        return self.source.read()

    def _listen(self, samples: int) -> Iterator[Block]:
        """Blocks, `samples` in all, fewer if stopped."""
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

    def _settle(self) -> None:
        for _ in self._listen(_SETTLE):
            pass

    def _count_down(self) -> None:
        left = round(self.plan.countdown * RATE)
        for block in self._listen(left):
            left -= len(block.pcm)
            self.meter.show(f"starts in {math.ceil(left / RATE)} ...", block.pcm)

    # ---- one take ----

    def _capture(self, samples: int) -> Capture:
        """Record a take; with trimming as the microphone gives it, otherwise with gain."""
        at = datetime.now().astimezone()
        take = Capture(self.store.begin(at), at)
        gain_db = 0.0 if self.plan.trim else self.plan.gain_db
        try:
            for block in self._listen(samples):
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
        """A long take is not thrown away because the disk is full or the microphone gone."""
        if take.file.samples < _LONG or self._why_not(take):
            take.file.discard()
            return
        try:
            file = self.store.rescue(take.file, take.at)
        except UserError:
            take.file.close()
            error.message += f"; what was recorded is in {take.file.path}"
            return
        self._report(take, file, None)

    def _cut(self, take: Capture) -> Capture:
        """A trimmed take in place of a whole one."""
        pcm = take.file.read(0, take.file.samples)
        rules = segment.Rules(quietest_db=self._quietest_db, most=len(pcm))
        span = segment.sound_span(segment.frame_levels(pcm), rules)
        start, stop = (span[0] * segment.FRAME, span[1] * segment.FRAME) if span else (0, len(pcm))
        start, stop = self._frame(start, stop, len(pcm))
        try:
            return self._write(pcm[start:stop], take.at, take.lost, take.overflows)
        finally:
            take.file.discard()

    def _frame(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """What of a recording to keep around a sound, in samples."""
        if self.plan.fixed:
            return segment.centre(start, stop, round(self.plan.seconds * RATE), length)
        return segment.widen(start, stop, _MARGIN, length)

    @property
    def _quietest_db(self) -> float:
        """dBFS before the gain."""
        return self.plan.silence_db - self.plan.gain_db

    def _write(self, pcm: np.ndarray, at: datetime, lost: int, overflows: int) -> Capture:
        """A take of what a longer recording holds."""
        take = Capture(self.store.begin(at), at, lost=lost, overflows=overflows)
        try:
            with disk_errors(take.file.path):
                take.write(pcm, self.plan.gain_db)
        except BaseException:
            take.file.discard()
            raise
        return take

    def _why_not(self, take: Capture) -> str | None:
        """Why a take is rejected."""
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

    def _judge(self, take: Capture, source: str = "") -> str | None:
        """Keep a take, or say why not; its file is done with."""
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
        """All takes; UserError if one can't be had."""
        self._settle()
        if self.plan.continuous:
            self._run_continuous()
        else:
            self._run_takes()

    def _run_takes(self) -> None:
        plan = self.plan
        samples = round(plan.seconds * RATE) + (_SLACK if plan.trim and plan.fixed else 0)
        rejected = 0
        while not self.stop and (plan.count is None or self.kept < plan.count):
            of = f" of {plan.count}" if plan.count else ""
            self.meter.heading(f"take {self.kept + 1}{of}")
            self._count_down()
            if self.stop:
                return
            take = self._capture(samples)
            if self.stop and take.file.samples < min(samples, _KEEP):
                take.file.discard()
                return
            if plan.trim:
                take = self._cut(take)
            reason = self._judge(take)
            rejected = rejected + 1 if reason else 0
            if rejected >= plan.attempts and not self.stop:
                raise UserError(
                    f"take {self.kept + 1} was rejected {rejected} times in a row, last: {reason}"
                )

    # ---- one stretch ----

    def _run_continuous(self) -> None:
        self.meter.heading("listening; Ctrl-C ends")
        self._count_down()
        Stretch(self).run()


class Stretch:
    """One long recording, on disk as it comes, out of which takes are cut as they end."""

    def __init__(self, session: Session) -> None:
        self.session = session
        plan = session.plan
        # a take of fixed length holds one sound; longer sounds are cut
        most = round(plan.seconds * 100) if plan.fixed else segment.Rules.most
        self._segmenter = segment.Segmenter(
            segment.Rules(quietest_db=session._quietest_db, most=max(most, segment.Rules.least))
        )
        self._floor = segment.Floor()
        self._at = datetime.now().astimezone()
        self._partial = np.empty(0, np.int16)  # less than a frame
        self._waiting: list[tuple[int, int]] = []  # sounds, until what follows them is recorded
        self._gaps: list[tuple[int, int, int]] = []  # where, samples, overflows

    def run(self) -> None:
        """Record until it is enough."""
        plan = self.session.plan
        limit = round(min(plan.duration or MAX_SECONDS, MAX_SECONDS) * RATE)
        self._file = self.session.store.begin(self._at)
        try:
            try:
                for block in self.session._listen(limit):
                    self._take(block)
                    if plan.count is not None and self.session.kept >= plan.count:
                        return
            except UserError:
                with contextlib.suppress(UserError):  # the first one says more
                    self._finish()
                raise
            self._finish()
        finally:
            self._file.discard()

    def _finish(self) -> None:
        if sound := self._segmenter.finish():
            self._waiting.append(sound)
        self._save_sounds(self._file.samples)

    def _take(self, block: Block) -> None:
        session = self.session
        if block.lost or block.overflows:
            self._gaps.append((self._file.samples, block.lost, block.overflows))
        with disk_errors(self._file.path):
            self._file.write(block.pcm)
        pcm = np.concatenate([self._partial, block.pcm])
        levels = segment.frame_levels(pcm)
        self._partial = pcm[len(levels) * segment.FRAME :]
        for level in levels.tolist():
            if sound := self._segmenter.feed(level, self._floor.add(level)):
                self._waiting.append(sound)
        doing = "a sound" if self._segmenter.is_open else "listening"
        session.meter.show(
            f"{self._file.samples / RATE:.1f} s, {session.kept} takes, {doing}", block.pcm
        )
        self._save_sounds(self._file.samples - self._reach())

    def _reach(self) -> int:
        """Samples after a sound that its take may need."""
        plan = self.session.plan
        return max(_MARGIN, round(plan.seconds * RATE) if plan.fixed else 0)

    def _save_sounds(self, until: int) -> None:
        """Takes of the sounds that end before sample `until`."""
        plan = self.session.plan
        while self._waiting and self._waiting[0][1] * segment.FRAME <= until:
            first, end = self._waiting.pop(0)
            start, stop = self.session._frame(
                first * segment.FRAME, end * segment.FRAME, self._file.samples
            )
            if plan.count is None or self.session.kept < plan.count:
                self._save(start, stop)

    def _save(self, start: int, stop: int) -> None:
        gaps = [gap for gap in self._gaps if start < gap[0] < stop]
        take = self.session._write(
            self._file.read(start, stop),
            self._at + timedelta(seconds=start / RATE),
            lost=sum(gap[1] for gap in gaps),
            overflows=sum(gap[2] for gap in gaps),
        )
        source = f"recording {self._at.isoformat(timespec='milliseconds')}"
        self.session._judge(take, source)


def _rounded(level_db: float) -> float | None:
    return round(level_db, 2) if math.isfinite(level_db) else None
