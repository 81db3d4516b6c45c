"""`host virtual`: firmware images on a virtual Pico."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import select
import signal
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.audio.wav import write_wav
from otolith.device.frames import Frame, Splitter
from otolith.errors import UserError
from otolith.files import replacing
from otolith.virtual.rp2040.pico import VirtualPico
from otolith.virtual.sound_pipe import PcmPipe, pulse_source

_STEP_MS = 5.0
_READY_MS = 1000.0  # a board that has not enumerated by then has no USB port
_OPENING_S = 0.1
_PTY_PENDING = 1 << 16  # bytes a slow reader may be behind before it loses some


class Listing:
    """Prints lines of text from the board's port, UART and resets, with their emulated time."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._text = bytearray()
        self._in_frame = False
        self._told = 0  # events printed

    def take(self, board: VirtualPico, data: bytes) -> None:
        """`data` came from the port; `board` may have new events."""
        for event in board.events[self._told :]:
            self._print(event["t_ms"], event["kind"], _about(event))
        self._told = len(board.events)
        for byte in data:
            if byte == 0:  # a binary frame is between two zeros
                self._in_frame = not self._in_frame
            elif byte == ord("\n") and not self._in_frame:
                self._print(board.time_ms, "line", self._text.decode("utf-8", "backslashreplace"))
                self._text.clear()
            elif not self._in_frame:
                self._text.append(byte)

    def _print(self, t_ms: float, kind: str, text: str) -> None:
        if self.as_json:
            click.echo(json.dumps({"t_ms": round(t_ms, 3), "kind": kind, "text": text}))
        else:
            click.echo(f"{t_ms / 1000:10.3f} s  {'' if kind == 'line' else kind + ': '}{text}")


def _about(event: dict) -> str:
    if event["kind"] == "usb":
        return " ".join(event["device"].get("strings", []))
    if event["kind"] == "fault":
        return f"{event['text']} at 0x{event['pc']:08x}"
    return event.get("text") or event.get("reason") or ""


class Recording:
    """PCM that an image delivers: isochronous audio, else the 'P' frames of its port."""

    def __init__(self) -> None:
        self.missing = 0  # samples lost on the way, silence in the recording
        self._splitter = Splitter()
        self._next: int | None = None  # sequence of the frame that is due
        self._frames: list[np.ndarray] = []
        self._audio: list[np.ndarray] = []

    def take(self, audio: np.ndarray, data: bytes) -> None:
        """`audio` came over USB audio, `data` from the port."""
        if len(audio):
            self._audio.append(audio)
        for message in self._splitter.feed(data):
            if isinstance(message, Frame) and message.type == "P":
                self._add(message)

    def _add(self, frame: Frame) -> None:
        pcm = np.frombuffer(frame.data[: len(frame.data) // 2 * 2], "<i2")
        gap = 0 if self._next is None else (frame.sequence - self._next) & 0xFFFF
        if 0 < gap < 0x8000:
            self.missing += gap * len(pcm)
            self._frames.append(np.zeros(gap * len(pcm), np.int16))
        self._next = (frame.sequence + 1) & 0xFFFF
        self._frames.append(pcm)

    @property
    def pcm(self) -> np.ndarray:
        """All of it, int16 at 16 kHz."""
        return np.concatenate([*(self._audio or self._frames), np.empty(0, np.int16)])

    def save(self, path: Path) -> None:
        """Write a 16 kHz, 16-bit, mono WAV file."""
        pcm = self.pcm
        if not len(pcm):
            raise UserError(f"no audio came from the image: {path} is not written")
        with replacing(path) as temporary:
            write_wav(temporary, pcm)


class Pace:
    """Holds emulated time back to wall time."""

    def __init__(self) -> None:
        self._start: float | None = None  # wall time at emulated zero

    def follow(self, board: VirtualPico) -> None:
        """Call after each step."""
        at = time.monotonic() - board.time_ms / 1000
        # A slow computer falls behind; it does not run faster later to catch up.
        if self._start is None or at - self._start > 0.02:
            self._start = at

    def left_ms(self, board: VirtualPico) -> float:
        """How much too early it is."""
        assert self._start is not None
        return max(0.0, 1000 * (self._start - time.monotonic()) + board.time_ms)

    def wait(self, board: VirtualPico) -> None:
        """Sleep until wall time has come up."""
        self.follow(board)
        time.sleep(self.left_ms(board) / 1000)


class Terminal:
    """A pseudo-terminal that stands for the board's USB port; it follows wall time."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        os.close(slave)  # from now on the master hangs up while no program has it open
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)
        self._pending = bytearray()
        self._pace = Pace()
        self._held_since: float | None = None  # a program has the terminal open
        self.open = False  # what the board knows of that

    def exchange(self, board: VirtualPico, data: bytes) -> None:
        """Wait for wall time; give `data` to the program, and what it says to the board."""
        self._pace.follow(board)
        if self.open:
            self._pending += data[: max(0, _PTY_PENDING - len(self._pending))]
            self._flush()
        left = self._pace.left_ms
        while self._step(board, left(board)) or left(board) > 0:
            pass

    def _step(self, board: VirtualPico, wait_ms: float) -> bool:
        """Look at the terminal once; whether there was input."""
        state = dict(self._poll.poll(wait_ms if self.open else 0)).get(self._master, 0)
        if state & select.POLLHUP:
            self._held_since = None
        elif self._held_since is None:
            self._held_since = time.monotonic()
        # Programs drop what comes while they open a port: the board's hello must come later.
        is_open = self._held_since is not None and (
            bool(state & select.POLLIN) or time.monotonic() - self._held_since >= _OPENING_S
        )
        if is_open != self.open:
            self.open = is_open
            self._pending.clear()
            board.set_dtr(is_open)
        if not is_open:
            time.sleep(min(wait_ms, 5) / 1000)  # a hang-up makes poll() return at once
        if not state & select.POLLIN:
            return False
        try:
            board.write(os.read(self._master, 4096))
        except OSError:
            return False
        return True

    def _flush(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self._master, self._pending)]
        except OSError:  # full, or just closed
            pass

    def close(self) -> None:
        """Take the terminal away."""
        os.close(self._master)


def _run(board: VirtualPico, end_ms: float, take: Callable[[bytes], None]) -> None:
    while board.time_ms < end_ms - 1e-6 and not board.in_bootsel:
        board.run_ms(min(_STEP_MS, end_ms - board.time_ms))
        take(board.read())


def _save_led(path: Path, trace: list[tuple[float, float]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["t_ms", "level"])
        writer.writerows((f"{t:.3f}", f"{level:.4f}") for t, level in trace)


@click.group()
def virtual() -> None:
    """Run firmware images without a board."""


@virtual.command(
    epilog="""\b
Example:
  host virtual run .pio/build/pico/firmware.uf2 --audio alarm.wav
  host virtual run firmware.uf2 --pty --seconds 600
  host virtual run .pio/build/pico-mic/firmware.uf2 --audio speech.wav --pulse"""
)
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--audio", type=click.Path(path_type=Path), help="Sound file the microphone hears.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Emulated time to run; default: the sound and one second more, or 5.",
)
@click.option("--pty", is_flag=True, help="Offer the USB port as a pseudo-terminal, in real time.")
@click.option("--pcm-out", type=click.Path(path_type=Path), help="WAV file of the PCM it sends.")
@click.option(
    "--pcm-pipe",
    type=click.Path(path_type=Path),
    help="Pipe for the PCM it sends, raw int16, in real time.",
)
@click.option("--pulse", is_flag=True, help="Offer its microphone to PulseAudio: Otolith Mic.")
@click.option("--led-out", type=click.Path(path_type=Path), help="CSV file of the LED: t_ms,level.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def run(
    image: Path,
    audio: Path | None,
    seconds: float | None,
    pty: bool,
    pcm_out: Path | None,
    pcm_pipe: Path | None,
    pulse: bool,
    led_out: Path | None,
    as_json: bool,
) -> None:
    """Run IMAGE (.uf2) on a virtual Pico; print what it says and when.

    The sound starts when the USB port is ready.
    """
    pcm = read_pcm(audio, resample=True) if audio else None
    if seconds is None:
        seconds = 5.0 if pcm is None else len(pcm) / RATE + 1
    listing, recording = Listing(as_json), Recording()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_interrupted_by_sigterm())
        if pulse and pcm_pipe:
            raise UserError("--pulse and --pcm-pipe: one of them, please")
        if pulse:
            pcm_pipe = stack.enter_context(pulse_source())
        pipe = PcmPipe(pcm_pipe) if pcm_pipe else None
        if pipe:
            stack.callback(pipe.close)
        terminal = Terminal() if pty else None
        if terminal:
            stack.callback(terminal.close)
        pace = Pace() if pipe and not terminal else None
        board = stack.enter_context(VirtualPico(image))

        def take(data: bytes) -> None:
            audio = board.read_audio()
            if pcm_out:
                recording.take(audio, data)
            if pipe and len(audio):
                pipe.write(audio.astype("<i2").tobytes())
            listing.take(board, data)
            if terminal:
                terminal.exchange(board, data)
            elif pace:
                pace.wait(board)

        try:
            if terminal:
                board.set_dtr(False)
                # Alone on its line, and at once: a script waits for it.
                click.echo(json.dumps({"pty": terminal.name}) if as_json else terminal.name)
            _run_all(board, pcm, seconds * 1000, bool(pcm_out and not pty), take)
        except KeyboardInterrupt:
            pass
        if led_out:
            _save_led(led_out, board.led)
    if pcm_out:
        recording.save(pcm_out)
        if recording.missing:
            click.echo(f"{recording.missing} samples were lost: silence in {pcm_out}", err=True)


@contextlib.contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """End as on Ctrl-C, so that nothing is left behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run_all(
    board: VirtualPico,
    pcm: np.ndarray | None,
    end_ms: float,
    ask_for_pcm: bool,
    take: Callable[[bytes], None],
) -> None:
    while not board.ready and board.time_ms < min(_READY_MS, end_ms):
        _run(board, min(board.time_ms + _STEP_MS, end_ms), take)
    if ask_for_pcm:
        board.write(b"pcm on\n")
        _run(board, min(board.time_ms + 4 * _STEP_MS, end_ms), take)
    if pcm is not None:
        board.play(pcm)
    _run(board, end_ms, take)
