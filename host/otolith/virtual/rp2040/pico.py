"""Drives the emulator process: emulated time passes only when asked for."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from otolith import paths
from otolith.audio import read_pcm
from otolith.errors import UserError

HERE = Path(__file__).parent
CLOCK_HZ = 125_000_000
FLASH_ID = bytes.fromhex("e6614c311b5a7e24")  # the first four bytes are those of many a Pico


@dataclass(frozen=True)
class ControlResult:
    """How a control transfer ended: "ok", "stall", "timeout" or "abandoned"; what came."""

    status: str
    data: bytes


def board_pins(board: str = "pico") -> dict[str, int]:
    """Pins of the microphone and the LED, from the board's JSON."""
    pins = json.loads((paths.BOARDS / f"{board}.json").read_text())["otolith"]["pins"]
    return {"data": pins["PDM_DATA"], "clock": pins["PDM_CLOCK"], "led": pins["LED"]}


class VirtualPico:
    """A Pico with a PDM microphone, an LED, and a computer at its USB port.

    Everything is counted in emulated time, which run_ms() alone moves; the same image, sound and
    calls always give the same bytes. Not modelled: flash wait states, the second core, bus
    contention, analog.
    """

    def __init__(
        self,
        image: Path | str,
        audio: Path | str | np.ndarray | None = None,
        board: str = "pico",
        *,
        usb_open: bool = True,
        usb_ppm: float = 0.0,
        keep_bits: bool = False,
        flash_id: bytes = FLASH_ID,
    ) -> None:
        """usb_open: the computer opens what the board offers; usb_ppm: how much too fast its
        frame clock is; keep_bits: for read_bits(); flash_id: 8 bytes, the board's serial number.
        """
        node = shutil.which("node")
        rp2040js = paths.NODE_MODULES / "rp2040js" / "dist" / "esm" / "index.js"
        for name, path in (("Node.js", node), ("rp2040js", rp2040js), ("boot ROM", paths.BOOTROM)):
            if path is None or not Path(path).exists():
                raise UserError(f"{name} is missing: run `host setup`")
        self.image = Path(image)
        if not self.image.is_file():
            raise UserError(f"{image}: no such firmware image: build it with `pio run`")
        self.time_ms = 0.0
        self.cycles = 0
        self.idle_cycles = 0
        self.instructions = 0
        self.ready = False  # enumerated, port open
        self.in_bootsel = False
        self.led: list[tuple[float, float]] = []  # (t_ms, brightness 0..1) at every change
        self.events: list[dict] = []  # resets, UART lines, USB
        self.microphone_bits = 0  # that the microphone was clocked for
        self.missed_frames = 0  # of the microphone's stream, without a packet
        self.packets: list[tuple[int, int]] = []  # (USB frame, bytes) of each of its packets
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
                pins=board_pins(board),
                usb={"ppm": usb_ppm, "open": usb_open},
                flashId=list(flash_id),
                keepBits=keep_bits,
            )
            if audio is not None:
                self.play(audio if isinstance(audio, np.ndarray) else read_pcm(audio, True))
        except BaseException:
            self.close()
            raise

    def _command(self, **command: object) -> dict | None:
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
        self.ready, self.in_bootsel = answer["ready"], answer["bootsel"]
        self._received += base64.b64decode(answer["cdc"])
        self._audio += base64.b64decode(answer["audio"])
        self._bits += base64.b64decode(answer["bits"])
        self.missed_frames = answer["missed"]
        self.microphone_bits = answer["bitsMade"]
        self.packets += [(frame, size) for frame, size in answer["packets"]]
        for event in answer["events"]:
            if event["kind"] == "led":
                self.led.append((event["t_ms"], event["level"]))
            else:
                self.events.append(event)
        return answer.get("result")

    def run_ms(self, ms: float) -> None:
        """Let `ms` of emulated time pass."""
        self._command(cmd="run", ns=ms * 1e6)

    def write(self, data: bytes) -> None:
        """Bytes for the board's CDC port; it takes them as time passes."""
        self._command(cmd="write", data=base64.b64encode(data).decode())

    def read(self) -> bytes:
        """What came from the CDC port since the last call."""
        data = bytes(self._received)
        self._received.clear()
        return data

    def read_audio(self) -> np.ndarray:
        """PCM from an isochronous microphone since the last call, int16."""
        data = bytes(self._audio)
        self._audio.clear()
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").copy()

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` (int16, 16 kHz) from now on, then silence."""
        data = np.ascontiguousarray(pcm, dtype="<i2").tobytes()
        self._command(cmd="play", data=base64.b64encode(data).decode())

    def read_bits(self) -> bytes:
        """What the microphone gave since the last call (keep_bits), eight bits a byte, oldest
        first; the last 64 bits may still be on their way."""
        data = bytes(self._bits)
        self._bits.clear()
        return data

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
        """A USB control transfer; time passes until it has ended.

        data_or_length: what to send, or how much to ask for. length: what the request says it is,
        if that should differ. abandon: data packets after which the computer gives up.
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
        """No more frames on the bus."""
        self._command(cmd="bus", what="suspend")

    def usb_resume(self) -> None:
        """Frames again, 20 ms from now."""
        self._command(cmd="bus", what="resume")

    def usb_reset(self) -> None:
        """Reset the bus: the board is enumerated anew, in about 15 ms."""
        self._command(cmd="bus", what="reset")

    def replug(self) -> None:
        """Take the board's power and give it back."""
        self._command(cmd="bus", what="replug")

    def set_dtr(self, on: bool) -> None:
        """Open or close the CDC port, as a terminal program does."""
        self._command(cmd="dtr", on=on)

    @property
    def idle_fraction(self) -> float:
        """Share of cycles the CPU slept."""
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
