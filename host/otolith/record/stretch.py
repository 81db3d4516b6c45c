"""Records without a pause and cuts a take out of the recording for each sound."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import numpy as np

from otolith.audio import RATE, segment
from otolith.audio.blocks import Block
from otolith.audio.wav import MAX_SECONDS
from otolith.errors import UserError
from otolith.files import disk_errors
from otolith.record.session import MARGIN, Session


class Stretch:
    """One long recording, which is written as it comes. Takes are cut out as soon as they end.

    Args:
        session: Supplies the sound and stores the takes.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        plan = session.plan
        # a take of fixed length holds one sound, so longer sounds are cut
        most = round(plan.seconds * 100) if plan.fixed else segment.Rules.most
        self._segmenter = segment.Segmenter(
            segment.Rules(quietest_db=session.quietest_db, most=max(most, segment.Rules.least))
        )
        self._floor = segment.Floor()
        self._partial: np.ndarray = np.empty(0, np.int16)  # incomplete frame
        self._waiting: list[tuple[int, int]] = []  # sounds whose takes need later samples
        self._gaps: list[tuple[int, int, int]] = []  # position, lost samples, overflows

    def run(self) -> None:
        """Record until the plan is fulfilled or recording is stopped. Raises UserError."""
        plan = self.session.plan
        self.session.settle()
        self.session.meter.heading("listening; Ctrl-C ends")
        self.session.count_down()
        self._at = datetime.now().astimezone()
        limit = round(min(plan.duration or MAX_SECONDS, MAX_SECONDS) * RATE)
        self._file = self.session.store.begin(self._at)
        try:
            try:
                for block in self.session.listen(limit):
                    self._take(block)
                    if plan.count is not None and self.session.kept >= plan.count:
                        return
            except UserError:
                with contextlib.suppress(UserError):  # the first error says more
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
        pcm: np.ndarray = np.concatenate([self._partial, block.pcm])
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
        """Most samples after a sound that its take may need."""
        plan = self.session.plan
        return max(MARGIN, round(plan.seconds * RATE) if plan.fixed else 0)

    def _save_sounds(self, until: int) -> None:
        """Cut takes of the sounds that end before sample `until`."""
        plan = self.session.plan
        while self._waiting and self._waiting[0][1] * segment.FRAME <= until:
            first, end = self._waiting.pop(0)
            start, stop = self.session.frame(
                first * segment.FRAME, end * segment.FRAME, self._file.samples
            )
            if plan.count is None or self.session.kept < plan.count:
                self._save(start, stop)

    def _save(self, start: int, stop: int) -> None:
        gaps = [gap for gap in self._gaps if start < gap[0] < stop]
        take = self.session.write_take(
            self._file.read(start, stop),
            self._at + timedelta(seconds=start / RATE),
            lost=sum(gap[1] for gap in gaps),
            overflows=sum(gap[2] for gap in gaps),
        )
        source = f"recording {self._at.isoformat(timespec='milliseconds')}"
        self.session.judge(take, source)
