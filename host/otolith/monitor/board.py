"""Opens the board to listen to: one at a port, or a virtual one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.augment.fill import room_tone
from otolith.compile.metadata import read_metadata
from otolith.device import Client, SerialTransport, VirtualTransport
from otolith.device.claim import claim
from otolith.device.records import Hello
from otolith.device.transports import choose_port, usb_serial
from otolith.errors import shown
from otolith.evaluate.several import models_of
from otolith.firmware.build import build
from otolith.listen.ending import ending, memory_ms
from otolith.progress import remark
from otolith.virtual import VirtualBoard, boot, class_for

_BOOT_MS = 5000
_LAST_S = 0.3  # the last hop, its network and the way over USB


@dataclass(frozen=True)
class Listening:
    """A board that has said hello.

    name: for people: its port, or "virtual" and the board.
    begin: to be called when listening starts.
    seconds: how long to listen unless the user says otherwise. None: until Ctrl-C.
    board: the virtual board. None: a real one.
    """

    client: Client
    hello: Hello
    name: str
    begin: Callable[[], None] = lambda: None
    seconds: float | None = None
    board: VirtualBoard | None = None


@contextlib.contextmanager
def attached(port: str | None, what: str = "host monitor") -> Iterator[Listening]:
    """Open the board at `port` and claim it, so that no other run uses it meanwhile.

    Args:
        port: serial port. None: that of the only board attached.
        what: who claims it, for those who wait.
    """
    port = choose_port(port)
    with (
        claim(usb_serial(port), what),
        contextlib.closing(SerialTransport(port)) as transport,
    ):
        client = Client(transport)
        yield Listening(client, client.hello(), port)


def image_of(what: Path, board: str, more: Sequence[Path] = (), gate: str | None = None) -> Path:
    """The firmware image to boot on the virtual `board`.

    Args:
        what: an image (.uf2, .elf), which is returned, or a network, around which the inference
            app is built.
        board: name of a board in boards/.
        more: further networks in the same image.
        gate: name of the network that gates the others.
    """
    if what.suffix.lower() in (".uf2", ".elf"):
        return what
    suffix = class_for(board).IMAGE
    found = models_of([what, *more], gate)
    if len(found.files) > 1:
        networks = [file.tflite for file in found.files]
        remark(f"building firmware for {board} around {len(networks)} networks")
        return build(board, networks, gate=found.gate).folder / f"firmware.{suffix}"

    tflite = found.files[0].tflite
    remark(f"building firmware for {board} around {shown(tflite)}")
    return build(board, tflite).folder / f"firmware.{suffix}"


def _heard(what: Path, audio: Path) -> np.ndarray:
    """A sound and what follows it. The model inside a firmware image is not known: a second."""
    pcm = read_pcm(audio, resample=True)
    if what.suffix.lower() in (".uf2", ".elf"):
        return np.concatenate([pcm, room_tone(pcm[-RATE:], RATE)])
    settings = [read_metadata(data) for data, _ in models_of([what]).named]
    metadata = max(filter(None, settings), key=memory_ms, default=None)
    return pcm if metadata is None else np.concatenate([pcm, ending(metadata, pcm)])


@contextlib.contextmanager
def virtual(
    what: Path,
    audio: Path | None,
    board: str,
    more: Sequence[Path] = (),
    gate: str | None = None,
) -> Iterator[Listening]:
    """Boot a virtual board; its time is the emulator's.

    Args:
        what: a firmware image, or a network to build firmware around.
        audio: sound file for its microphone.
        board: name of a board in boards/.
        more: further networks in the same image.
        gate: name of the network that gates the others.
    """
    pcm = _heard(what, audio) if audio else None
    with boot(image_of(what, board, more, gate), board) as emulated:
        client = Client(VirtualTransport(emulated))
        hello = client.hello(timeout_ms=_BOOT_MS)
        name = f"virtual {board}"
        if pcm is None:
            yield Listening(client, hello, name, board=emulated)
        else:
            settle_ms = max(0.0, emulated.SETTLE_MS - emulated.time_ms)

            def begin() -> None:
                emulated.run_ms(settle_ms)
                emulated.play(pcm)

            yield Listening(client, hello, name, begin, len(pcm) / RATE + _LAST_S, emulated)
