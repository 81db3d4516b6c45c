"""The computer's end of the wire protocol."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np

from otolith.device.frames import MAX_DATA, Frame, Garbage, Splitter, encode_frame
from otolith.device.microphones import GAIN_HIGHEST, GAIN_LOWEST
from otolith.device.records import (
    Detect,
    ErrorLine,
    Hello,
    Injected,
    Injecting,
    Line,
    MicrophoneLine,
    More,
    Ok,
    Ran,
    Running,
    ScoresLine,
    SettingsLine,
    Stats,
    Unclear,
)
from otolith.device.transports import Transport
from otolith.errors import UserError, shown
from otolith.settings.detect import InForce, assignment, settings_of_board

Message: TypeAlias = Line | Frame
R = TypeVar("R", bound=Line)

MICROPHONE = "microphone"
GAIN = "microphone.gain_db"
MAX_COMMAND = 96  # bytes of a line to the board, its end included: WIRE_MAX_LINE
BLOCK = MAX_DATA // 2  # samples in a frame of PCM
# Brings the board's receiver to the start of a line, whether it was in a line or in a frame.
_START_OF_LINE = b"\0\0\n"
_ANSWER_MS = 3000
# What answers a command, where it is not `ok`.
_ANSWERS: dict[str, type[Line]] = {
    "version": Hello,
    "hello": Hello,
    "stats": Stats,
    "get": SettingsLine,
    "set": SettingsLine,
}


@dataclass
class InjectResult:
    """What a board made of injected PCM.

    features: (frames, bands) int16.
    outputs: (scored hops, outputs) int8, the network's raw outputs.
    scores, smoothed: (scored hops, labels) Q15, before and after smoothing.
    levels: (scored hops,) mean |sample|.
    decisions: of the scored hops: a label, "unknown" or None.
    events: the `detect` lines.
    hops: number of hops, scored or not.
    messages: every line, in order.

    Of several networks, outputs to decisions are the first one's; events and messages have all.
    """

    features: np.ndarray
    outputs: np.ndarray
    scores: np.ndarray
    smoothed: np.ndarray
    levels: np.ndarray
    decisions: list[str | None]
    events: list[Detect]
    hops: int
    messages: list[Line] = field(repr=False)


@dataclass
class RunResult:
    """What the bench app measured in one inference.

    output: the network's outputs, one after the other.
    cycles: CPU cycles of the inference.
    arena: bytes.
    message: the whole line.
    """

    output: bytes
    cycles: int
    arena: int
    message: Ran = field(repr=False)


class Client:
    """Asks a board and listens to it. Lines that nobody waits for are kept for lines()."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.garbage = 0  # bytes that were neither a line nor a frame
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
        """Yield lines and frames as they come, until none has come for `timeout_ms`."""
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
        wanted: type[R],
        timeout_ms: float,
        asked: str,
        renew: bool = False,
        accept: Callable[[R], bool] = lambda line: True,
    ) -> tuple[R, list[Message]]:
        """Wait for an answer.

        Args:
            wanted: the answer's type.
            timeout_ms: how long to wait.
            asked: the command, for messages.
            renew: whether any message starts the time-out again.
            accept: whether a line of that type is the answer.

        Returns:
            The answer, and the messages before it.

        Raises:
            UserError: the board refuses, its answer makes no sense, or the time is over.
        """
        before: list[Message] = []
        end = self.transport.time_ms() + timeout_ms
        while True:
            while self._waiting:
                message = self._waiting.popleft()
                if renew:
                    end = self.transport.time_ms() + timeout_ms
                if isinstance(message, wanted) and accept(message):
                    return message, before
                if problem := _problem(message, wanted, asked):
                    self._waiting.extendleft(reversed(before))
                    raise UserError(problem)
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
        """Send a line without waiting for an answer."""
        self.transport.write(line.encode() + b"\n")

    def hello(self, timeout_ms: float = _ANSWER_MS) -> Hello:
        """Ask who the board is. Works from any state of the link; drops what came before."""
        self.transport.write(_START_OF_LINE)
        self.send_line("hello")
        hello, _ = self._wait_for(Hello, timeout_ms, "hello")
        return hello

    def command(self, line: str, timeout_ms: float = _ANSWER_MS) -> Line:
        """Send a command and return the line that answers it; UserError if the board refuses."""
        answer, before = self.ask(line, timeout_ms)
        self._waiting.extendleft(reversed(before))
        return answer

    def ask(self, line: str, timeout_ms: float = _ANSWER_MS) -> tuple[Line, list[Message]]:
        """Do as command() does, and return also the messages before the answer.

        lines() does not give these again.
        """
        if len(line.encode()) >= MAX_COMMAND:
            raise UserError(f"{line}: a command is shorter than {MAX_COMMAND} bytes")
        self.send_line(line)
        if line.partition(" ")[2].startswith(MICROPHONE):
            return self._wait_for(MicrophoneLine, timeout_ms, line)
        if expected := _ANSWERS.get(line.split(" ")[0]):
            return self._wait_for(expected, timeout_ms, line)
        return self._wait_for(Ok, timeout_ms, line, accept=lambda ok: ok.command == line)

    def settings(self) -> InForce:
        """The decision layer's settings in force."""
        labels, _ = self._model()
        return settings_of_board(self.command("get detect").told, labels)

    def microphone(self, gain_db: int | None = None) -> MicrophoneLine:
        """The microphone's kind and gain.

        Args:
            gain_db: the gain from now on, until the board starts again. None: as it is.

        Raises:
            UserError: computer or board refuses; nothing has changed.
        """
        if gain_db is None:
            asked = f"get {MICROPHONE}"
        elif GAIN_LOWEST <= gain_db <= GAIN_HIGHEST:
            asked = f"set {GAIN} {gain_db}"
        else:
            raise UserError(f"{GAIN} = {gain_db}: must be {GAIN_LOWEST} to {GAIN_HIGHEST} dB")
        answer = self.command(asked)
        assert isinstance(answer, MicrophoneLine)
        return answer

    def settings_of_each(self) -> dict[str, InForce]:
        """The settings in force of each of several networks, by its name.

        Thresholds are by the number of the class, because such a board does not tell labels.
        """
        names = self.ask_hello().models or []
        self.send_line("get detect")
        return self._each(names, "get detect")

    def _each(self, names: Sequence[str], asked: str) -> dict[str, InForce]:
        """The answer to a command about settings: a line for each network."""
        last, before = self._wait_for(
            SettingsLine, _ANSWER_MS, asked, accept=lambda line: line.model == names[-1]
        )
        lines = [m for m in before if isinstance(m, SettingsLine)]
        self._waiting.extendleft(m for m in reversed(before) if m not in lines)
        told = {str(line.model): line for line in [*lines, last]}
        if missing := [name for name in names if name not in told]:
            raise UserError(f"the board does not tell the settings of {shown(missing[0])}")
        return {
            name: settings_of_board(
                told[name].told, [str(n) for n in range(len(told[name].detect.thresholds))]
            )
            for name in names
        }

    def set_of(self, name: str, value: object) -> dict[str, InForce]:
        """Change a setting of one of several networks, as set() does.

        Args:
            name: the network's name before what set() takes: "okay_nabu.detect.gate".
            value: of the setting's type, or its text.

        Returns:
            The settings then in force of each network, as settings_of_each() does.

        Raises:
            UserError: computer or board refuses; nothing has changed.
        """
        hello = self.ask_hello()
        names = hello.models or []
        model = next((m for m in names if name.startswith(f"{m}.")), None)
        if model is None:
            raise UserError(
                f"no setting {shown(name)}: it begins with one of {shown(', '.join(names))}, as in "
                f"{shown(names[0] if names else 'MODEL')}.detect.threshold"
            )
        bare = name[len(model) + 1 :]
        label = bare.removeprefix("detect.threshold.")
        hop_ms = 1000 * (hello.hop or 0) / hello.rate
        asked = f"set {model}.{assignment(bare, value, [label] if label != bare else [], hop_ms)}"
        if len(asked.encode()) >= MAX_COMMAND:
            raise UserError(f"{asked}: a command is shorter than {MAX_COMMAND} bytes")
        self.send_line(asked)
        return self._each(names, asked)

    def set(self, name: str, value: object) -> InForce:
        """Change a setting from the next hop on, until the board starts again.

        Args:
            name: such as "detect.gate" or "detect.threshold.bell" (otolith.settings.detect).
            value: of the setting's type, or its text.

        Returns:
            The settings then in force, as settings() does.

        Raises:
            UserError: computer or board refuses; nothing has changed.
        """
        labels, hop_ms = self._model()
        return settings_of_board(
            self.command(f"set {assignment(name, value, labels, hop_ms)}").told, labels
        )

    def _model(self) -> tuple[list[str], float]:
        """The model's labels, and milliseconds between two decisions."""
        hello = self.ask_hello()
        if hello.models:
            raise UserError(f"the board runs several networks: {shown(', '.join(hello.models))}")
        if hello.labels is None or hello.hop is None:
            app = shown(hello.app or "another app")
            raise UserError(f"the board runs {app}, not the inference app: upload that first")
        return hello.labels, 1000 * hello.hop / hello.rate

    def ask_hello(self) -> Hello:
        """Ask who the board is; what came before is kept for lines()."""
        hello = self.command("hello")
        assert isinstance(hello, Hello)
        return hello

    def inject(
        self,
        pcm: np.ndarray,
        progress: Callable[[float], None] | None = None,
        timeout_ms: float = 10_000,
    ) -> InjectResult:
        """Let the board hear a sound in place of its microphone.

        Args:
            pcm: (samples,) int16, 16 kHz.
            progress: gets the share sent, 0..1.
            timeout_ms: how long the board may be silent.
        """
        pcm = _as_pcm(pcm)
        self.command("features on")
        try:
            self.send_line(f"inject {len(pcm)}")
            started, _ = self._wait_for(Injecting, _ANSWER_MS, f"inject {len(pcm)}")
            block, ahead = started.block, started.ahead
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
            done, rest = self._wait_for(Injected, timeout_ms, "inject", renew=True)
        finally:
            self.command("features off", timeout_ms)
        return _inject_result(done, [m for m in before + rest if not isinstance(m, More)])

    def _wait_for_room(self, blocks: int, timeout_ms: float) -> list[Message]:
        """Wait until the board has taken so many blocks; return what else it said."""
        before: list[Message] = []
        taken = 0
        while taken < blocks:
            more, said = self._wait_for(More, timeout_ms, "inject", renew=True)
            taken = more.blocks
            before += said
        return before

    def run_network(self, inputs: bytes, timeout_ms: float = 30_000) -> RunResult:
        """Run the network of a board with the bench app once.

        Args:
            inputs: the network's inputs, int8, one after the other.
            timeout_ms: how long the board may be silent.
        """
        self.send_line("run")
        self._wait_for(Running, _ANSWER_MS, "run")
        for sequence, start in enumerate(range(0, len(inputs), MAX_DATA)):
            part = inputs[start : start + MAX_DATA]
            self.transport.write(encode_frame("T", sequence, part))
            self._receive(0)
        ran, before = self._wait_for(Ran, timeout_ms, "run", renew=True)
        output = b"".join(m.data for m in before if isinstance(m, Frame) and m.type == "T")
        return RunResult(output, ran.cycles, ran.arena, ran)


def _problem(message: Message, wanted: type[Line], asked: str) -> str | None:
    """Why `message` means that the answer to `asked` will not come, or None."""
    if isinstance(message, Unclear) and message.of == wanted.EVENT:
        return f"the board's answer to {asked!r}: {message.reason}"
    if isinstance(message, ErrorLine):
        as_told = asked.encode().decode("latin-1")  # as the board writes its bytes
        if message.command in (as_told, asked.split(" ")[0]):
            return f"the board refused {asked!r}: {shown(message.reason)}"
    return None


def _as_pcm(pcm: np.ndarray) -> np.ndarray:
    pcm = np.asarray(pcm)
    if pcm.dtype != np.int16 or pcm.ndim != 1 or not len(pcm):
        raise UserError(
            f"PCM to inject must be a row of int16 samples, not {pcm.dtype} {pcm.shape}"
        )
    return pcm


def _table(rows: list[list[int]], dtype: type, what: str) -> np.ndarray:
    if len({len(row) for row in rows}) > 1:
        raise UserError(f"the board's {what} differ in number from hop to hop: is it damaged?")
    return np.array(rows, dtype)


def _inject_result(done: Injected, before: list[Message]) -> InjectResult:
    rows = [
        np.frombuffer(m.data[: len(m.data) // 2 * 2], "<i2").tolist()
        for m in before
        if isinstance(m, Frame) and m.type == "F"
    ]
    lines = [m for m in before if isinstance(m, Line)]
    scored = [m for m in lines if isinstance(m, ScoresLine)]
    first = scored[0].model if scored else None
    scored = [m for m in scored if m.model == first]
    features = _table(rows, np.int16, "features")
    return InjectResult(
        features=features if rows else np.empty((0, 0), np.int16),
        outputs=_table([m.q for m in scored], np.int8, "outputs"),
        scores=_table([m.scores for m in scored], np.int32, "scores"),
        smoothed=_table([m.smoothed for m in scored], np.int32, "scores"),
        levels=np.array([m.level for m in scored], np.int32),
        decisions=[m.decision for m in scored],
        events=[m for m in lines if isinstance(m, Detect)],
        hops=done.hops,
        messages=[*lines, done],
    )
