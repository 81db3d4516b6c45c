"""A Pico in rp2040js: this module drives the emulator's process (main.mjs).

The process runs only while a command is executed, so emulated time passes only when asked for.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from otolith import paths
from otolith.audio import read_pcm
from otolith.device.boards import Board, named
from otolith.errors import UserError
from otolith.virtual.board import BoardEvent

HERE = Path(__file__).parent
CLOCK_HZ = 125_000_000
FLASH_ID = bytes.fromhex("e6614c311b5a7e24")  # the first four bytes are common on Picos


_NO_PIN = 31  # no GPIO has this number


@dataclass(frozen=True)
class PdmTiming:
    """When a PDM microphone's bit is valid, ns.

    valid: after the clock edge that begins its half of the period. hold: after the one that ends
    it.
    """

    valid: float = 125.0
    hold: float = 0.0


@dataclass(frozen=True)
class PdmMargin:
    """How a PIO program reads a PDM microphone.

    clock_hz: of the microphone. wrong: bits read while the level was not valid. setup_ns: the
    least time from valid data to its read. hold_ns: the least time from a read to the end of valid
    data. Infinite if no bit was valid when it was read.
    """

    clock_hz: float
    wrong: int
    setup_ns: float
    hold_ns: float


@dataclass(frozen=True)
class ControlResult:
    """A control transfer.

    status: how it ended: "ok", "stall", "timeout" or "abandoned".
    data: what the device sent.
    """

    status: str
    data: bytes


def _about(event: dict[str, Any]) -> str:
    """The text of a BoardEvent."""
    if event["kind"] == "usb":
        return " ".join(event["device"].get("strings", []))
    if event["kind"] == "fault":
        return f"{event['text']} at 0x{event['pc']:08x}"
    return event.get("text") or event.get("reason") or ""


class VirtualPico:
    """An RP2040 board with a PDM microphone, an LED, and a computer at its USB port.

    A VirtualBoard. `ready`, `events` and `led` follow that protocol.
    """

    IMAGE: ClassVar[str] = "uf2"
    COUNTS: ClassVar[str] = "cycles"
    NOT_MODELLED: ClassVar[str] = (
        "words fetched past a branch, the second core, RAM bank contention, analog"
    )
    SETTLE_MS: ClassVar[float] = 0.0
    has_microphone = True

    def __init__(
        self,
        image: Path | str,
        audio: Path | str | np.ndarray | None = None,
        board: Board | str = "pico",
        *,
        usb_open: bool = True,
        usb_ppm: float = 0.0,
        usb_order: Sequence[tuple[int, int, int, int, int] | str] | None = None,
        keep_bits: bool = False,
        flash_id: bytes = FLASH_ID,
        pdm_timing: PdmTiming | None = None,
        ideal_flash: bool = False,
    ) -> None:
        """Power the board.

        Args:
            image: .uf2 file.
            audio: sound for the microphone: a file, or int16 PCM at 16 kHz.
            board: an RP2040 board, or its name in boards/.
            usb_open: whether the computer opens what the board offers on USB.
            usb_ppm: how much too fast the computer's frame clock is, parts per million.
            usb_order: requests that the computer makes first, as ENUMERATIONS has them; their
                answers come into `usb_answers`.
            keep_bits: keep the microphone's bits for read_bits().
            flash_id: 8 bytes, the flash chip's number, which is the board's serial number.
            pdm_timing: when a PDM microphone's bits are valid. None: always.
            ideal_flash: flash answers at once. Without it, cache, serial interface and streaming
                FIFO cost cycles as on the chip (flash.mjs).
        """
        node = shutil.which("node")
        rp2040js = paths.NODE_MODULES / "rp2040js" / "dist" / "esm" / "index.js"
        for name, path in (("Node.js", node), ("rp2040js", rp2040js), ("boot ROM", paths.BOOTROM)):
            if path is None or not Path(path).exists():
                raise UserError(f"{name} is missing: run `host setup`")
        self.board = named(board) if isinstance(board, str) else board
        self._led_low = self.board.led_active_low
        self.image = Path(image)
        if not self.image.is_file():
            raise UserError(f"{image}: no such firmware image: build it with `pio run`")
        self.time_ms = 0.0
        self.cycles = 0
        self.idle_cycles = 0
        self.instructions = 0
        self.flash_cycles = 0  # cycles that the CPU waited for flash
        self.ready = False
        self.in_bootloader = False
        self.led: list[tuple[float, float]] = []
        self.events: list[BoardEvent] = []
        self.usb_device: dict[str, Any] = {}  # vendor, product, strings, endpoints, once enumerated
        self.usb_answers: list[tuple[str, bytes]] = []
        self.microphone_bits = 0  # bits that the microphone was clocked for
        self.missed_frames = 0  # USB frames of the microphone's stream without a packet
        self.packets: list[tuple[int, int]] = []  # (USB frame, bytes) of each packet of the stream
        self._received = bytearray()
        self._audio = bytearray()
        self._bits = bytearray()
        assert node is not None
        self._process = subprocess.Popen(
            [node, str(HERE / "main.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; its stdin's end stops it
        )
        try:
            self._command(
                cmd="boot",
                rp2040js=str(rp2040js),
                bootrom=str(paths.BOOTROM),
                image=str(self.image.resolve()),
                pins={"led": self.board.number_of_pin("LED"), **self._pins()},
                wiring=self._wiring(pdm_timing),
                usb={"ppm": usb_ppm, "open": usb_open, "order": usb_order},
                flashId=list(flash_id),
                keepBits=keep_bits,
                idealFlash=ideal_flash,
            )
            if audio is not None:
                self.play(audio if isinstance(audio, np.ndarray) else read_pcm(audio, True))
        except BaseException:
            self.close()
            raise

    def _pins(self) -> dict[str, int]:
        """Pins of the microphone as main.mjs names them."""
        number, kind = self.board.number_of_pin, self.board.microphone.kind
        if kind == "adc":
            return {"adc": number("ADC"), "data": _NO_PIN, "clock": _NO_PIN}
        if kind == "i2s":
            names = {"data": "I2S_DATA", "clock": "I2S_CLOCK", "word": "I2S_WORD"}
        else:
            names = {"data": "PDM_DATA", "clock": "PDM_CLOCK"}
        return {name: number(signal) for name, signal in names.items()}

    def _wiring(self, timing: PdmTiming | None) -> dict[str, Any]:
        microphone = self.board.microphone
        return {
            "kind": microphone.kind,
            "right": microphone.channel == "right",
            "early": microphone.read_falling,
            "timing": None if timing is None else {"valid": timing.valid, "hold": timing.hold},
        }

    @classmethod
    def boot(cls, image: Path, board: Board, ideal_flash: bool = False) -> VirtualPico:
        """Power the board; see VirtualBoard."""
        return cls(image, board=board, ideal_flash=ideal_flash)

    def _command(self, **command: object) -> dict[str, Any] | None:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = b""
        if not line:
            raise UserError(f"the emulator stopped while running {self.image.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise UserError(f"{self.image}: {answer['error']}")
        if not answer:
            return None
        self.time_ms = answer["ns"] / 1e6
        self.cycles, self.idle_cycles = answer["cycles"], answer["idle"]
        self.instructions = answer["instructions"]
        self.flash_cycles = answer["flashWaited"]
        self.ready, self.in_bootloader = answer["ready"], answer["bootsel"]
        self._received += base64.b64decode(answer["cdc"])
        self._audio += base64.b64decode(answer["audio"])
        self._bits += base64.b64decode(answer["bits"])
        self.missed_frames = answer["missed"]
        self.microphone_bits = answer["bitsMade"]
        self.packets += [(frame, size) for frame, size in answer["packets"]]
        self.usb_answers += [(status, bytes(data)) for status, data in answer["answers"]]
        for event in answer["events"]:
            if event["kind"] == "led":
                level = event["level"]  # of the pin
                self.led.append((event["t_ms"], 1 - level if self._led_low else level))
                continue
            if event["kind"] == "usb":
                self.usb_device = event["device"]
            self.events.append(BoardEvent(event["t_ms"], event["kind"], _about(event)))
        return answer.get("result")

    def run_ms(self, ms: float) -> None:
        """Let `ms` emulated milliseconds pass."""
        self._command(cmd="run", ns=ms * 1e6)

    def write(self, data: bytes) -> None:
        """Send bytes to the CDC port; the board takes them while time passes."""
        self._command(cmd="write", data=base64.b64encode(data).decode())

    def read(self) -> bytes:
        """Bytes that came from the CDC port since the last call."""
        data = bytes(self._received)
        self._received.clear()
        return data

    def read_audio(self) -> np.ndarray:
        """PCM of the isochronous microphone since the last call: (samples,) int16, 16 kHz."""
        data = bytes(self._audio)
        self._audio.clear()
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").copy()

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` (int16, 16 kHz) from now on, then silence."""
        data = np.ascontiguousarray(pcm, dtype="<i2").tobytes()
        self._command(cmd="play", data=base64.b64encode(data).decode())

    def read_bits(self) -> bytes:
        """The microphone's bits since the last call, for boards with keep_bits.

        Eight bits a byte, the oldest first. The last 64 bits may not have been read by the board.
        """
        data = bytes(self._bits)
        self._bits.clear()
        return data

    def pdm_margin(
        self, clock_hz: float, timing: PdmTiming, right: bool = False, bits: int = 4096
    ) -> PdmMargin:
        """How much time the image's PIO program leaves to a PDM microphone at some clock.

        The image must have started its microphone. No emulated time passes.

        Args:
            clock_hz: the microphone's clock; the nearest that the divider gives is taken.
            timing: of the microphone.
            right: read the other half of the clock's period, as an image for SELECT high does.
            bits: how many to read.
        """
        told = self._command(
            cmd="margin",
            rate=clock_hz,
            right=right,
            valid=timing.valid,
            hold=timing.hold,
            bits=bits,
        )
        assert told is not None
        setup, held = (
            float("inf") if told[name] is None else told[name] for name in ("setup", "held")
        )
        return PdmMargin(told["rate"], told["wrong"], setup, held)

    def control(
        self,
        type: int,
        request: int,
        value: int,
        index: int,
        data_or_length: bytes | int = b"",
        length: int | None = None,
        abandon: int | None = None,
    ) -> ControlResult:
        """Make a USB control transfer; time passes until it has ended.

        Args:
            type, request, value, index: the fields of the SETUP packet.
            data_or_length: bytes to send, or how many to ask for.
            length: wLength, where it should differ from the size of the data.
            abandon: number of data packets after which the computer gives up.
        """
        sent = data_or_length if isinstance(data_or_length, bytes) else b""
        wanted = len(sent) if isinstance(data_or_length, bytes) else data_or_length
        result = self._command(
            cmd="control",
            type=type,
            request=request,
            value=value,
            index=index,
            length=wanted if length is None else length,
            data=base64.b64encode(sent).decode(),
            abandon=abandon,
        )
        assert result is not None
        return ControlResult(result["status"], base64.b64decode(result["data"]))

    def usb_suspend(self) -> None:
        """Stop the frames on the bus."""
        self._command(cmd="bus", what="suspend")

    def usb_resume(self) -> None:
        """Resume the bus: frames start again after 20 ms."""
        self._command(cmd="bus", what="resume")

    def usb_reset(self) -> None:
        """Reset the bus; the computer enumerates the board again, in about 15 ms."""
        self._command(cmd="bus", what="reset")

    def replug(self) -> None:
        """Remove the board's power and restore it."""
        self._command(cmd="bus", what="replug")

    def set_dtr(self, on: bool) -> None:
        """Open or close the CDC port, as a terminal program does."""
        self._command(cmd="dtr", on=on)

    @property
    def idle_fraction(self) -> float:
        """Share of the cycles that the CPU slept, 0..1."""
        return self.idle_cycles / self.cycles if self.cycles else 0.0

    def close(self) -> None:
        """End the emulator."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> VirtualPico:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
