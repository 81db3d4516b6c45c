"""Collects the seconds around what a board heard, from its streams of sound and scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.data.collected import Collector
from otolith.device.client import Message
from otolith.device.frames import Frame
from otolith.device.records import Detect, Gap, Hello, ScoresLine
from otolith.errors import UserError, shown
from otolith.monitor.recording import Numbered
from otolith.settings.detect import ONE, InForce


class Collecting:
    """Feeds a Collector. The board's streams must begin at zero (command `restart`).

    Missing samples become silence, so that times stay right; take() reports them.
    """

    def __init__(
        self, folder: Path, hello: Hello, settings: InForce, near: float, limit: float
    ) -> None:
        """Check that the folder can be used.

        Args:
            folder: where clips go; may hold earlier ones.
            hello: of a board with the inference app.
            settings: of its decision layer.
            near: share of a threshold that is a near miss.
            limit: megabytes of sound to keep.
        """
        if hello.app != "inference":
            raise UserError(
                "--collect is for boards that run the inference app, not "
                f"{shown(hello.app or 'another app')}"
            )
        self._labels = list(hello.labels or ())
        self._pcm = Numbered()
        self._samples = 0
        self.collector = Collector(
            folder,
            settings.thresholds,
            hello.board or "",
            hello.hash or "",
            near,
            round(limit * 1e6),
        )

    def take(self, message: Message) -> Gap | None:
        """Take a line or frame; return a line about samples that are missing before it."""
        if isinstance(message, Frame):
            return self._hear(message) if message.type == "P" else None
        if isinstance(message, Hello):
            raise UserError("the board was reset while sound was collected from it")
        if isinstance(message, Detect):
            self.collector.event(message.t_ms, message.label, message.score)
        elif isinstance(message, ScoresLine):
            rows = zip(self._labels, message.smoothed, strict=False)
            self.collector.scores(message.t_ms, ((label, s / ONE) for label, s in rows))
        return None

    def _hear(self, frame: Frame) -> Gap | None:
        pcm = np.frombuffer(frame.data[: len(frame.data) // 2 * 2], "<i2").astype(np.int16)
        lost = self._pcm.missing(frame) * len(pcm)
        at = 1000 * self._samples // RATE
        self.collector.hear(np.concatenate([np.zeros(lost, np.int16), pcm]))
        self._samples += lost + len(pcm)
        if not lost:
            return None
        told = {"event": "gap", "t_ms": at, "of": "samples", "count": lost}
        return Gap(event="gap", t_ms=at, of="samples", count=lost, told=told)

    def finish(self, why: str) -> str:
        """Keep what is still due, and describe it in a line."""
        return self.collector.finish()
