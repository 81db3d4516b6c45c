"""`host virtual`: firmware images on virtual boards."""

from __future__ import annotations

import contextlib
import csv
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.device.boards import named, with_options
from otolith.errors import UserError
from otolith.files import replacing
from otolith.virtual import VirtualBoard, boot, class_for, emulated
from otolith.virtual.capture import Capture
from otolith.virtual.listing import Listing
from otolith.virtual.sound_pipe import PcmPipe, pulse_source
from otolith.virtual.terminal import Pace, Terminal

_STEP_MS = 5.0
_READY_MS = 1000.0  # a board that takes no bytes by then has no console
_PCM_ON_MS = 20.0  # until a microphone app has answered


def _run(board: VirtualBoard, end_ms: float, take: Callable[[bytes], None]) -> None:
    while board.time_ms < end_ms - 1e-6 and not board.in_bootloader:
        board.run_ms(min(_STEP_MS, end_ms - board.time_ms))
        take(board.read())


def _save_led(path: Path, trace: list[tuple[float, float]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["t_ms", "level"])
        writer.writerows((f"{t:.3f}", f"{level:.4f}") for t, level in trace)


@click.group()
def virtual() -> None:
    """Run firmware images without a board.

    \b
    Examples:
        host virtual boards
        host virtual run .pio/build/pico/firmware.uf2 --audio alarm.wav
    """


@virtual.command(
    epilog="""\b
Examples:
  host virtual boards
  host virtual boards --json"""
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def boards(as_json: bool) -> None:
    """List the virtual boards: what is counted, and what is not modelled."""
    for board in emulated():
        emulator = class_for(board)
        about = {
            "board": board.id,
            "name": board.name,
            "image": emulator.IMAGE,
            "counts": emulator.COUNTS,
            "not_modelled": emulator.NOT_MODELLED,
        }
        if as_json:
            click.echo(json.dumps(about))
        else:
            click.echo(f"{board.id:<28}.{emulator.IMAGE}  {board.name}")
            click.echo(f"{'':<33}counts {emulator.COUNTS}; not modelled: {emulator.NOT_MODELLED}")


@virtual.command(
    epilog="""\b
Examples:
  host virtual run .pio/build/pico/firmware.uf2 --audio alarm.wav
  host virtual run .pio/build/xg24_dev_kit/firmware.elf --board xg24_dev_kit --audio clip.wav
  host virtual run .pio/build/pico/firmware.uf2 --pty --seconds 600
  host virtual run .pio/build/pico-mic/firmware.uf2 --audio speech.wav --pulse"""
)
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--board",
    default="pico",
    show_default=True,
    help="Which board: see `host virtual boards`.",
)
@click.option(
    "-O",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="What differs from the board's JSON, as the image was built: microphone=i2s.",
)
@click.option("--audio", type=click.Path(path_type=Path), help="Sound file the microphone hears.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Emulated time to run; default: the sound and one second more, or 5.",
)
@click.option(
    "--pty", is_flag=True, help="Offer the serial port as a pseudo-terminal, in real time."
)
@click.option("--pcm-out", type=click.Path(path_type=Path), help="WAV file of the PCM it sends.")
@click.option(
    "--pcm-pipe",
    type=click.Path(path_type=Path),
    help="Pipe for the PCM it sends, raw int16, in real time.",
)
@click.option("--pulse", is_flag=True, help="Offer its microphone to PulseAudio: Otolith Mic.")
@click.option("--ideal-flash", is_flag=True, help="RP2040: flash answers at once.")
@click.option("--led-out", type=click.Path(path_type=Path), help="CSV file of the LED: t_ms,level.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def run(
    image: Path,
    board: str,
    options: tuple[str, ...],
    audio: Path | None,
    seconds: float | None,
    pty: bool,
    pcm_out: Path | None,
    pcm_pipe: Path | None,
    pulse: bool,
    ideal_flash: bool,
    led_out: Path | None,
    as_json: bool,
) -> None:
    """Run IMAGE on a virtual board; print what it says and when, in emulated time.

    IMAGE is firmware.uf2 for RP2040 and RP2350 boards, firmware.elf for others. The sound starts
    when the board takes commands and its microphone has settled.
    """
    pcm = read_pcm(audio, resample=True) if audio else None
    if seconds is None:
        seconds = 5.0 if pcm is None else len(pcm) / RATE + 1
    listing, capture = Listing(as_json), Capture(keep=pcm_out is not None)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_interrupted_by_sigterm())
        if pulse and pcm_pipe:
            raise UserError("--pulse and --pcm-pipe exclude each other: choose one")
        described = with_options(named(board), options)
        virtual = stack.enter_context(boot(image, described, ideal_flash=ideal_flash))
        if pcm is not None and not virtual.has_microphone:
            raise UserError(f"{board} has no microphone: leave out --audio")
        if pulse:
            pcm_pipe = stack.enter_context(pulse_source())
        pipe = PcmPipe(pcm_pipe) if pcm_pipe else None
        if pipe:
            stack.callback(pipe.close)
        terminal = Terminal() if pty else None
        if terminal:
            stack.callback(terminal.close)
        pace = Pace() if pipe and not terminal else None

        def take(data: bytes) -> None:
            sent = virtual.read_audio()
            if pcm_out or pipe:
                new = capture.take(sent, data)
                if pipe and len(new):
                    pipe.write(new.astype("<i2").tobytes())
            listing.take(virtual, data)
            if terminal:
                terminal.exchange(virtual, data)
            elif pace:
                pace.wait(virtual)

        by_console = bool(pcm_out) or (pipe is not None and virtual.board.console == "uart")
        try:
            if terminal:
                virtual.set_dtr(False)
                # Alone on its line, and at once: a script waits for it.
                click.echo(json.dumps({"pty": terminal.name}) if as_json else terminal.name)
            _run_all(virtual, pcm, seconds * 1000, by_console and not pty, take)
        except KeyboardInterrupt:
            pass
        if led_out:
            _save_led(led_out, virtual.led)
    if pcm_out:
        capture.save(pcm_out)
        if capture.missing:
            click.echo(f"{capture.missing} samples were lost: silence in {pcm_out}", err=True)


@contextlib.contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that everything is cleaned up."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run_all(
    board: VirtualBoard,
    pcm: np.ndarray | None,
    end_ms: float,
    ask_for_pcm: bool,
    take: Callable[[bytes], None],
) -> None:
    while not board.ready and board.time_ms < min(_READY_MS, end_ms):
        _run(board, min(board.time_ms + _STEP_MS, end_ms), take)
    if ask_for_pcm:
        board.write(b"pcm on\n")
        _run(board, min(board.time_ms + _PCM_ON_MS, end_ms), take)
    if pcm is not None:
        if board.SETTLE_MS:
            _run(board, min(board.time_ms + board.SETTLE_MS, end_ms), take)
        board.play(pcm)
    _run(board, end_ms, take)
