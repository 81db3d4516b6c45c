"""The Live page's ear on a board, or on a virtual one: a view of `host monitor`'s session."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from otolith.audio.wav import write_wav
from otolith.deploy.scenario import concatenate
from otolith.deploy.scenes import scene
from otolith.device.client import Message
from otolith.device.frames import Frame
from otolith.device.records import Detect, ErrorLine, Fault, Hello, ScoresLine, Stats, Unclear
from otolith.errors import UserError, shown
from otolith.monitor.board import Listening, attached, virtual
from otolith.monitor.session import Session
from otolith.record.stop import Stop
from otolith.settings.detect import ONE
from otolith.studio import images
from otolith.studio.hearing import Past, is_verdict, settings_event, wanted_setting
from otolith.studio.ports import checked
from otolith.studio.projects import Project
from otolith.studio.threads import Say, words
from otolith.virtual.terminal import Pace

SEED = 7
MODES = ("scores", "features", "pcm")
_HALF = 0x8000  # of the numbers of frames, which wrap


class Wired:
    """Tells the page what a board says, and the board what the page asks.

    A Session's View. take() and what it calls run in the session's thread.

    Args:
        project: Whose network the board should run.
        listening: The board.
        say: Sends an event to the page.
        wishes: What the page asks for.
    """

    def __init__(
        self, project: Project, listening: Listening, say: Say, wishes: queue.SimpleQueue[Any]
    ) -> None:
        self._project, self._listening, self._say, self._wishes = project, listening, say, wishes
        self._past = Past(project, listening.hello.board or "board")
        self._labels = list(listening.hello.labels or ())
        self._next: int | None = None  # number of the frame of sound that is due
        self._frames: list[list[int]] = []
        self._led = -1.0
        self._pace = Pace()

    def begin(self) -> None:
        """Say who hears."""
        hello = self._listening.hello
        if hello.models:
            raise UserError("the board runs several networks: host monitor shows them")
        if hello.app != "inference" or not self._labels or hello.hop is None:
            app = shown(hello.app or "another app")
            raise UserError(f"the board runs {app}: put this model on it, on the Board page")
        note = ""
        tflite = self._project.tflite
        if tflite.exists():
            digest = hashlib.sha256(tflite.read_bytes()).hexdigest()[: len(hello.hash or "")]
            if digest != hello.hash:
                note = "The board runs another network than this project's: upload it on Board."
        self._say(
            {
                **settings_event(self._listening.client.settings()),
                "kind": "hello",
                "name": self._listening.name,
                "labels": self._labels,
                "hop_ms": 1000 * hello.hop / hello.rate,
                "hash": hello.hash or "",
                "can_file": not self._project.is_ready,
                "note": note,
            }
        )

    def take(self, message: Message) -> None:
        """Pass a line or frame of the board on, then do what the page has asked for meanwhile."""
        if isinstance(message, Frame):
            self._hear(message)
        elif isinstance(message, ScoresLine):
            self._hop(message)
        elif isinstance(message, Detect):
            score = round(message.score, 4)
            self._say(
                {"kind": "event", "t_ms": message.t_ms, "label": message.label, "score": score}
            )
        elif isinstance(message, Stats):
            self._stats(message)
        elif isinstance(message, Hello):
            self._next = None
            self._say({"kind": "note", "text": "The board was reset: it starts again."})
        elif isinstance(message, (ErrorLine, Fault, Unclear)):
            self._say({"kind": "note", "text": f"The board says: {shown(message.reason)}"})
        if self._listening.board is not None:
            self._show_led()
            self._pace.wait(self._listening.board)
        self._grant()

    def _hear(self, frame: Frame) -> None:
        values = np.frombuffer(frame.data[: len(frame.data) // 2 * 2], "<i2")
        if frame.type == "F":
            self._frames.append(values.tolist())
        elif frame.type == "P":
            lost = 0 if self._next is None else (frame.sequence - self._next) & 0xFFFF
            self._next = (frame.sequence + 1) & 0xFFFF
            if 0 < lost < _HALF:
                self._past.hear(np.zeros(lost * len(values), np.int16))  # times stay right
                self._say({"kind": "lost", "samples": lost * len(values)})
            self._past.hear(values.astype(np.int16))

    def _hop(self, line: ScoresLine) -> None:
        self._past.at(line.t_ms)
        self._say(
            {
                "kind": "hop",
                "t_ms": line.t_ms,
                "level": line.level,
                "scores": [round(score / ONE, 4) for score in line.smoothed],
                "frames": self._frames,
            }
        )
        self._frames = []

    def _stats(self, line: Stats) -> None:
        ms = None if line.infer_us is None else (line.infer_us + (line.feature_us or 0)) / 1000
        self._say({"kind": "stats", "ms": ms, "cpu": line.cpu, "overruns": line.overruns})

    def _show_led(self) -> None:
        board = self._listening.board
        assert board is not None
        level = round(20 * board.led[-1][1]) / 20 if board.led else 0.0
        if level != self._led:
            self._led = level
            self._say({"kind": "led", "level": level, "t_ms": board.time_ms})

    def _grant(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                asked = self._wishes.get_nowait()
                try:
                    if is_verdict(asked):
                        event = self._past.file(asked)
                    else:
                        event = settings_event(self._listening.client.set(*wanted_setting(asked)))
                except UserError as error:
                    if "lost the board" in error.message:
                        raise
                    event = {"kind": "note", "text": error.format_message()}
                except OSError as error:
                    event = {"kind": "note", "text": words(error)}
                self._say(event)


@contextlib.contextmanager
def _virtual(project: Project) -> Iterator[Listening]:
    """A virtual board that hears the test scene of `host train-and-deploy`."""
    spec = project.spec()
    board = spec.deploy.board
    image = images.path_of(project.folder, board, project.tflite)
    if not image.exists():
        raise UserError("the firmware is not built yet: reload the page")
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        audio = Path(folder) / "scene.wav"
        write_wav(audio, concatenate(scene(spec, SEED)))
        with virtual(image, audio, board) as listening:
            yield listening


def listen(
    project: Project, port: str | None, say: Say, wishes: queue.SimpleQueue[Any], stop: Stop
) -> None:
    """Listen to a board until `stop` is true, or until a virtual board has heard all of its sound.

    Args:
        project: Whose network the board should run.
        port: Serial port; None boots a virtual board.
        say: Sends an event to the page.
        wishes: What the page asks for.
        stop: True when the page is gone.

    Raises:
        UserError: The board can't be opened, or is gone.
    """
    opened = _virtual(project) if port is None else attached(checked(port), "Studio's Live page")
    with opened as listening:
        view = Wired(project, listening, say, wishes)
        view.begin()
        session = Session(listening.client, [view], MODES)
        session.run(listening.seconds, stop, listening.begin)
    say({"kind": "end", "seconds": round(listening.seconds or 0, 1)})
