"""Drives the emulator process: emulated time passes only when asked for."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

import numpy as np

from host import paths
from host.errors import UserError
from host.features import read_pcm

HERE = Path(__file__).parent
CLOCK_HZ = 125_000_000


def board_pins(board: str = "pico") -> dict[str, int]:
    """Pins of the microphone and the LED, from the board's JSON."""
    pins = json.loads((paths.ROOT / "boards" / f"{board}.json").read_text())["otolith"]["pins"]
    return {"data": pins["PDM_DATA"], "clock": pins["PDM_CLOCK"], "led": pins["LED"]}


class VirtualPico:
    """A Pico with a PDM microphone, an LED, and a computer at its USB port.

    Everything is counted in emulated time, which run_ms() alone moves; the same image, sound and
    calls always give the same bytes. Not modelled: flash wait states, the second core, bus
    contention, analog.
    """

    def __init__(
        self, image: Path | str, audio: Path | str | np.ndarray | None = None, board: str = "pico"
    ) -> None:
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
        self._received = bytearray()
        self._audio = bytearray()
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
            )
            if audio is not None:
                self.play(audio if isinstance(audio, np.ndarray) else read_pcm(audio, True))
        except BaseException:
            self.close()
            raise

    def _command(self, **command: object) -> None:
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
            return
        self.time_ms = answer["ns"] / 1e6
        self.cycles, self.idle_cycles = answer["cycles"], answer["idle"]
        self.instructions = answer["instructions"]
        self.ready, self.in_bootsel = answer["ready"], answer["bootsel"]
        self._received += base64.b64decode(answer["cdc"])
        self._audio += base64.b64decode(answer["audio"])
        for event in answer["events"]:
            if event["kind"] == "led":
                self.led.append((event["t_ms"], event["level"]))
            else:
                self.events.append(event)

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
