"""The computer's end of the line protocol."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from otolith.device.frames import MAX_DATA, Frame, Garbage, Splitter, encode_frame
from otolith.device.transports import Transport
from otolith.errors import UserError
from otolith.settings.detect import assignment, settings_of

Message: TypeAlias = dict | Frame

MAX_COMMAND = 96  # bytes of a line to the board, its end included: WIRE_MAX_LINE
BLOCK = MAX_DATA // 2  # samples in a frame of PCM
# Wherever the board's receiver is (in a line, in a frame), this brings it to the start of a line.
_START_OF_LINE = b"\0\0\n"
_ANSWER_MS = 3000
# What answers a command, where it is no `ok`.
_ANSWERS = {
    "version": "hello",
    "hello": "hello",
    "stats": "stats",
    "get": "settings",
    "set": "settings",
}


@dataclass
class InjectResult:
    """What a board made of injected PCM."""

    features: np.ndarray  # (frames, bands) int16
    outputs: np.ndarray  # (hops scored, outputs) int8: the network's raw outputs
    scores: np.ndarray  # (hops scored, labels) Q15
    smoothed: np.ndarray  # (hops scored, labels) Q15
    levels: np.ndarray  # (hops scored,) mean |sample|
    decisions: list[str | None]  # of the hops scored: label, "unknown" or None
    events: list[dict]  # the detect lines
    hops: int
    messages: list[dict] = field(repr=False)  # every line, in order


@dataclass
class RunResult:
    """What the bench app measured in one inference."""

    output: bytes
    cycles: int
    arena: int
    message: dict = field(repr=False)


class Client:
    """Asks a board and listens to it; lines that nobody waits for are kept for lines()."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.garbage = 0  # bytes that made no sense
        self._splitter = Splitter()
        self._waiting: deque[Message] = deque()

    # ---- listening ----

    def _receive(self, timeout_ms: float) -> None:
        for message in self._splitter.feed(self.transport.read(timeout_ms)):
            if isinstance(message, Garbage):
                self.garbage += len(message.data)
            else:
                self._waiting.append(message)

    def lines(self, timeout_ms: float) -> Iterator[Message]:
        """Lines (dicts) and frames as they come, until none came for `timeout_ms`."""
        while True:
            end = self.transport.time_ms() + timeout_ms
            while not self._waiting:
                left = end - self.transport.time_ms()
                if left <= 0:
                    return
                self._receive(left)
            yield self._waiting.popleft()

    def _wait_for(
        self,
        wanted: Callable[[dict], bool],
        timeout_ms: float,
        asked: str,
        renew: bool = False,
    ) -> tuple[dict, list[Message]]:
        """The first line that is `wanted`, and what came before it.

        An error line about `asked` raises UserError, and so does `timeout_ms` without the answer
        (with `renew`: without any message).
        """
        before: list[Message] = []
        end = self.transport.time_ms() + timeout_ms
        while True:
            while self._waiting:
                message = self._waiting.popleft()
                if renew:
                    end = self.transport.time_ms() + timeout_ms
                if isinstance(message, dict):
                    if wanted(message):
                        return message, before
                    if _is_refusal(message, asked):
                        self._waiting.extendleft(reversed(before))
                        raise UserError(f"the board refused {asked!r}: {message.get('reason')}")
                before.append(message)
            left = end - self.transport.time_ms()
            if left <= 0:
                self._waiting.extendleft(reversed(before))
                raise UserError(
                    f"no answer to {asked!r} within {timeout_ms:.0f} ms: "
                    "is this an Otolith board, and does no other program use its port?"
                )
            self._receive(left)

    # ---- asking ----

    def send_line(self, line: str) -> None:
        """Send a line as it is, without waiting for an answer."""
        self.transport.write(line.encode() + b"\n")

    def hello(self, timeout_ms: float = _ANSWER_MS) -> dict:
        """Who the board is. Works from any state of the link; what came before is dropped."""
        self.transport.write(_START_OF_LINE)
        self.send_line("hello")
        hello, _ = self._wait_for(lambda m: m["event"] == "hello", timeout_ms, "hello")
        return hello

    def command(self, line: str, timeout_ms: float = _ANSWER_MS) -> dict:
        """Send a command, return the line that answers it; UserError if the board refuses."""
        answer, before = self.ask(line, timeout_ms)
        self._waiting.extendleft(reversed(before))
        return answer

    def ask(self, line: str, timeout_ms: float = _ANSWER_MS) -> tuple[dict, list[Message]]:
        """As command(); also what came before the answer, which lines() then does not give."""
        if len(line.encode()) >= MAX_COMMAND:
            raise UserError(f"{line}: a command is shorter than {MAX_COMMAND} bytes")
        self.send_line(line)
        word = line.split(" ")[0]
        expected = _ANSWERS.get(word)

        def answers(message: dict) -> bool:
            if expected:
                return message["event"] == expected
            return message["event"] == "ok" and message.get("command") == line

        return self._wait_for(answers, timeout_ms, line)

    def settings(self) -> dict[str, Any]:
        """The decision layer's settings in force: keys of [detect], thresholds by label (0: never
        an event)."""
        labels, _ = self._model()
        return settings_of(self.command("get detect"), labels)

    def set(self, name: str, value: object) -> dict[str, Any]:
        """Change a setting from the next hop on, until the board starts again: "detect.gate", 300;
        "detect.threshold.bell", 0.8 (settings/detect.py). The settings then in force; UserError if
        computer or board refuses, and nothing has changed."""
        labels, hop_ms = self._model()
        return settings_of(self.command(f"set {assignment(name, value, labels, hop_ms)}"), labels)

    def _model(self) -> tuple[list[str], float]:
        """Its labels, and milliseconds between two decisions."""
        hello = self.command("hello")
        if "labels" not in hello or "hop" not in hello:
            raise UserError(f"the board runs {hello.get('app')}, not the inference app: upload it")
        return [_label(label) for label in hello["labels"]], 1000 * hello["hop"] / hello["rate"]

    def inject(
        self,
        pcm: np.ndarray,
        progress: Callable[[float], None] | None = None,
        timeout_ms: float = 10_000,
    ) -> InjectResult:
        """Let the board hear `pcm` (int16, 16 kHz) in place of its microphone.

        `progress` gets the share sent, 0..1; `timeout_ms` is how long the board may say nothing.
        """
        pcm = _as_pcm(pcm)
        self.command("features on")
        try:
            self.send_line(f"inject {len(pcm)}")
            started, _ = self._wait_for(
                lambda m: m["event"] == "injecting", _ANSWER_MS, f"inject {len(pcm)}"
            )
            block, ahead = started["block"], started.get("ahead")
            before: list[Message] = []
            for sequence, start in enumerate(range(0, len(pcm), block)):
                data = pcm[start : start + block].astype("<i2").tobytes()
                self.transport.write(encode_frame("P", sequence, data))
                if ahead and sequence + 1 >= ahead and start + block < len(pcm):
                    before += self._wait_for_room(sequence + 2 - ahead, timeout_ms)
                else:
                    self._receive(0)  # what the board says meanwhile must not pile up
                if progress:
                    progress(min(1.0, (start + block) / len(pcm)))
            done, rest = self._wait_for(
                lambda m: m["event"] == "injected", timeout_ms, "inject", renew=True
            )
        finally:
            self.command("features off", timeout_ms)
        return _inject_result(done, [m for m in before + rest if not _is_more(m)])

    def _wait_for_room(self, blocks: int, timeout_ms: float) -> list[Message]:
        """Until the board has taken so many blocks; what else it said."""
        before: list[Message] = []
        taken = 0
        while taken < blocks:
            more, said = self._wait_for(
                lambda m: m["event"] == "more", timeout_ms, "inject", renew=True
            )
            taken = more["blocks"]
            before += said
        return before

    def run_network(self, inputs: bytes, timeout_ms: float = 30_000) -> RunResult:
        """Run the network of a board with the bench app once."""
        self.send_line("run")
        self._wait_for(lambda m: m["event"] == "running", _ANSWER_MS, "run")
        for sequence, start in enumerate(range(0, len(inputs), MAX_DATA)):
            part = inputs[start : start + MAX_DATA]
            self.transport.write(encode_frame("T", sequence, part))
            self._receive(0)
        ran, before = self._wait_for(lambda m: m["event"] == "ran", timeout_ms, "run", renew=True)
        output = b"".join(m.data for m in before if isinstance(m, Frame) and m.type == "T")
        return RunResult(output, ran["cycles"], ran["arena"], ran)


def _label(told: str) -> str:
    """A label as the model has it: a board writes its bytes as Latin-1."""
    try:
        return told.encode("latin-1").decode()
    except UnicodeError:
        return told


def _is_refusal(message: dict, asked: str) -> bool:
    about = message.get("command")
    as_told = asked.encode().decode("latin-1")  # the board writes its bytes so
    return message["event"] == "error" and about in (as_told, asked.split(" ")[0])


def _as_pcm(pcm: np.ndarray) -> np.ndarray:
    pcm = np.asarray(pcm)
    if pcm.dtype != np.int16 or pcm.ndim != 1 or not len(pcm):
        raise UserError(
            f"PCM to inject must be a row of int16 samples, not {pcm.dtype} {pcm.shape}"
        )
    return pcm


def _is_more(message: Message) -> bool:
    return isinstance(message, dict) and message["event"] == "more"


def _inject_result(done: dict, before: list[Message]) -> InjectResult:
    rows = [np.frombuffer(m.data, "<i2") for m in before if isinstance(m, Frame) and m.type == "F"]
    lines = [m for m in before if isinstance(m, dict)]
    scores = [m for m in lines if m["event"] == "scores"]
    return InjectResult(
        features=np.array(rows, np.int16) if rows else np.empty((0, 0), np.int16),
        outputs=np.array([m["q"] for m in scores], np.int8),
        scores=np.array([m["scores"] for m in scores], np.int32),
        smoothed=np.array([m["smoothed"] for m in scores], np.int32),
        levels=np.array([m["level"] for m in scores], np.int32),
        decisions=[m["decision"] for m in scores],
        events=[m for m in lines if m["event"] == "detect"],
        hops=done["hops"],
        messages=[*lines, done],
    )
