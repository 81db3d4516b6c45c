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
from otolith.data.review import AFTER_S, MISSED, WEIGHTS, WRONG, negative_label
from otolith.data.windows import WEIGHT
from otolith.errors import UserError
from otolith.listen.chain import Chain, Hop
from otolith.settings.detect import ONE, InForce
from otolith.settings.filling import BACKGROUNDS
from otolith.studio.projects import Project

KEPT_S = 12.0  # of sound, for "that was wrong" and "you missed one"
FILED_S = 2.0  # of it go into the dataset


class Past:
    """The last seconds that were heard, and how they become a clip.

    Args:
        project: Gets the clips.
        device: What heard them, for metadata.csv.
    """

    def __init__(self, project: Project, device: str) -> None:
        self.project = project
        self._device = device
        self._ring = np.empty(0, np.int16)

        self._now = 0.0  # on the clock of who hears, at the end of the ring

    def hear(self, pcm: np.ndarray) -> None:
        """Take int16 samples."""
        self._ring = np.concatenate([self._ring, pcm])[-round(KEPT_S * RATE) :]

    def at(self, t_ms: float) -> None:
        """Set the clock: the sound so far ends at this time."""
        self._now = t_ms

    def _around(self, t_ms: object) -> np.ndarray:
        """The sound of an event, as `host data review` cuts it; without a time, the last sound."""
        end = len(self._ring)
        if isinstance(t_ms, int | float):
            end -= round(max(0.0, self._now - t_ms - 1000 * AFTER_S) * RATE / 1000)
        if end <= 0:
            return self._ring[:0]  # too long ago
        length = round(FILED_S * RATE)
        end = max(end, min(len(self._ring), length))  # an event right after the start
        return self._ring[max(0, end - length) : end]

    def file(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Put the last seconds into the dataset, with the weight that a review gives them.

        Args:
            asked: do: the verdict. label: What was heard, or missed. t_ms: When, if the page knows;
                else it was just now.

        Returns:
            An event for the page.

        Raises:
            UserError: The label is no class, nothing was heard yet, or the disk is full.
        """
        project, verdict, label = self.project, asked["do"], str(asked.get("label") or "")
        if project.is_ready:
            raise UserError("a ready model learns nothing: start a project from it")
        classes = project.spec().model.classes
        if label not in classes:
            raise UserError("say which sound it was: it must be a class of this project")
        pcm = self._around(asked.get("t_ms"))
        if len(pcm) < FILED_S * RATE / 2:
            raise UserError("that sound is not there any more, or not yet: wait for the next one")
        heard = label
        if verdict == WRONG:
            label = next((c for c in classes if c in BACKGROUNDS), "")
            label = label or negative_label(project.dataset)
        label, now = check_label(label), datetime.now().astimezone()
        row = Row(
            f"{folder_of(label)}/live-{now:%Y%m%d-%H%M%S}.wav",
            label,
            set="train",
            device=self._device,
            date=now.isoformat(timespec="seconds"),
            source=f"live {now:%Y-%m-%d %H:%M:%S}",
            note=f"{verdict}: heard as {heard}" if verdict == WRONG else verdict,
            extra={WEIGHT: str(WEIGHTS[verdict])},
        )
        with batch(project.dataset) as clips:
            clips.add(pcm, row)
            (saved,) = clips.save()
        return {"kind": "filed", "verdict": verdict, "file": saved.file, "label": label}


def settings_event(settings: InForce) -> dict[str, Any]:
    """What the page needs to know when settings have changed."""
    return {
        "kind": "settings",
        "thresholds": settings.thresholds,
        "gate": settings.values.get("gate", 0),
    }


def is_verdict(asked: Any) -> bool:
    """Whether the page wants the last seconds filed."""
    return isinstance(asked, dict) and asked.get("do") in (WRONG, MISSED)


def wanted_setting(asked: Any) -> tuple[str, Any]:
    """Name and value of a setting that the page wants. Raises UserError."""
    if not isinstance(asked, dict) or asked.get("do") != "set":
        raise UserError("the page asked for nothing that there is: reload it")
    return str(asked.get("name")), asked.get("value")


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
        self._past = Past(project, "browser")
        self.ms = float("inf")  # of the last hop on this computer

    def hello(self) -> dict[str, Any]:
        """What the page needs to know first."""
        chain = self._chain
        return {
            **settings_event(chain.settings()),
            "kind": "hello",
            "name": "this computer",
            "labels": chain.labels,
            "hop_ms": 1000 * chain.hop / RATE,
            "hash": chain.network.digest,
            "can_file": not self.project.is_ready,
            "note": "",
        }

    def hear(self, pcm: np.ndarray) -> list[dict[str, Any]]:
        """Take int16 samples; gives events for each hop that ended in them."""
        self._past.hear(pcm)
        started = time.perf_counter()
        hops = self._chain.feed(pcm)
        if hops:
            self._past.at(hops[-1].t_ms)
        each = 1000 * (time.perf_counter() - started) / max(1, len(hops))
        if hops:
            self.ms = each
        return [event for hop in hops for event in self._told(hop, each)]

    def _told(self, hop: Hop, ms: float) -> list[dict[str, Any]]:
        smoothed = None if hop.smoothed is None else (hop.smoothed / ONE).round(4).tolist()
        told: list[dict[str, Any]] = [
            {
                "kind": "hop",
                "t_ms": hop.t_ms,
                "level": hop.level,
                "scores": smoothed,
                "frames": hop.features.tolist(),
                "ms": round(ms, 2),
                "cpu": ms * RATE / 1000 / self._chain.hop,
            }
        ]
        if hop.event:
            label, q15 = hop.event
            score = round(q15 / ONE, 4)
            told.append({"kind": "event", "t_ms": hop.t_ms, "label": label, "score": score})
        return told

    def change(self, asked: Any) -> dict[str, Any]:
        """Do what the page asks: change a setting, or file the last seconds.

        Raises:
            UserError: It asks for nothing that there is.
        """
        if is_verdict(asked):
            return self._past.file(asked)
        return settings_event(self._chain.set(*wanted_setting(asked)))
