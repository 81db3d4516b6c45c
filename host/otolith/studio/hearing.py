"""The Live page's ear: the model on this computer, in the chip's own C."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import numpy as np

from otolith.audio import RATE
from otolith.data.adding import batch
from otolith.data.metadata import Row
from otolith.data.names import check_label, folder_of
from otolith.data.review import MISSED, WEIGHTS, WRONG, negative_label
from otolith.data.windows import WEIGHT
from otolith.errors import UserError
from otolith.listen.chain import Chain, Hop
from otolith.settings.detect import ONE
from otolith.settings.filling import BACKGROUNDS
from otolith.studio.projects import Project

KEPT_S = 12.0  # of sound, for "that was wrong" and "you missed one"
FILED_S = 2.0  # of it go into the dataset


class Hearing:
    """A model that hears a page's microphone.

    Args:
        project: Its trained network is used.

    Raises:
        UserError: It is not trained, or its network is damaged.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        if not project.tflite.exists():
            raise UserError("not trained yet: train it on the Train page")
        self._chain = Chain(project.tflite)
        self._ring = np.empty(0, np.int16)
        self._samples = 0

    def hello(self) -> dict[str, Any]:
        """What the page needs to know first."""
        chain = self._chain
        settings = chain.settings()
        return {
            "kind": "hello",
            "labels": chain.labels,
            "hop_ms": 1000 * chain.hop / RATE,
            "bands": chain.metadata.features.bands,
            "thresholds": settings.thresholds,
            "settings": settings.values,
            "hash": chain.network.digest,
            "can_file": not self.project.is_ready,
        }

    def hear(self, pcm: np.ndarray) -> list[dict[str, Any]]:
        """Take int16 samples; gives an event for each hop that ended in them."""
        self._ring = np.concatenate([self._ring, pcm])[-round(KEPT_S * RATE) :]
        self._samples += len(pcm)
        started = time.perf_counter()
        hops = self._chain.feed(pcm)
        each = 1000 * (time.perf_counter() - started) / max(1, len(hops))
        return [self._told(hop, each) for hop in hops]

    def _told(self, hop: Hop, ms: float) -> dict[str, Any]:
        smoothed = None if hop.smoothed is None else (hop.smoothed / ONE).round(4).tolist()
        event = hop.event and {"label": hop.event[0], "score": round(hop.event[1] / ONE, 4)}
        return {
            "kind": "hop",
            "t_ms": hop.t_ms,
            "level": hop.level,
            "scores": smoothed,
            "event": event,
            "frames": hop.features.tolist(),
            "ms": round(ms, 2),
        }

    def change(self, asked: Any) -> dict[str, Any]:
        """Do what the page asks: change a setting, or file the last seconds.

        Raises:
            UserError: It asks for nothing that there is.
        """
        if not isinstance(asked, dict):
            raise UserError("the page asked for nothing that there is")
        if asked.get("do") == "set":
            settings = self._chain.set(str(asked.get("name")), asked.get("value"))
            return {"kind": "settings", "thresholds": settings.thresholds}
        if asked.get("do") in (WRONG, MISSED):
            return self._file(str(asked["do"]), str(asked.get("label") or ""))
        raise UserError("the page asked for nothing that there is")

    def _file(self, verdict: str, label: str) -> dict[str, Any]:
        """Put the last seconds into the dataset, with the weight that a review gives them."""
        project = self.project
        if project.is_ready:
            raise UserError("a ready model learns nothing: start a project from it")
        classes = project.spec().model.classes
        if label not in classes:
            raise UserError("say which sound it was")
        pcm = self._ring[-round(FILED_S * RATE) :]
        if len(pcm) < FILED_S * RATE / 2:
            raise UserError("nothing was heard yet")
        heard = label
        if verdict == WRONG:
            label = next((c for c in classes if c in BACKGROUNDS), "")
            label = label or negative_label(project.dataset)
        label, now = check_label(label), datetime.now().astimezone()
        row = Row(
            f"{folder_of(label)}/live-{now:%Y%m%d-%H%M%S}.wav",
            label,
            set="train",
            device="browser",
            date=now.isoformat(timespec="seconds"),
            source=f"live {now:%Y-%m-%d %H:%M:%S}",
            note=f"{verdict}: heard as {heard}" if verdict == WRONG else verdict,
            extra={WEIGHT: str(WEIGHTS[verdict])},
        )
        with batch(project.dataset) as clips:
            clips.add(pcm, row)
            (saved,) = clips.save()
        return {"kind": "filed", "verdict": verdict, "file": saved.file, "label": label}
