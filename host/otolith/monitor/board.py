"""The board to listen to: at a port, or a virtual one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from otolith.audio import RATE, read_pcm
from otolith.device import Client, SerialTransport, VirtualTransport
from otolith.device.claim import claim
from otolith.device.transports import choose_port, usb_serial

_BOOT_MS = 5000


@dataclass(frozen=True)
class Listening:
    """A board that has said hello. begin: called when listening starts. seconds: of its sound."""

    client: Client
    hello: dict
    name: str
    begin: Callable[[], None] = lambda: None
    seconds: float | None = None


@contextlib.contextmanager
def attached(port: str | None) -> Iterator[Listening]:
    """The board at `port`, or the only one there is; nobody else gets it meanwhile."""
    port = choose_port(port)
    with (
        claim(usb_serial(port), "host monitor"),
        contextlib.closing(SerialTransport(port)) as transport,
    ):
        client = Client(transport)
        yield Listening(client, client.hello(), port)


def image_of(what: Path, board: str) -> Path:
    """A firmware image as it is; for a network, the inference app built around it."""
    if what.suffix.lower() == ".uf2":
        return what
    from otolith.evaluate.models import trained
    from otolith.firmware.build import build

    tflite = trained(what).tflite
    click.echo(f"building firmware for {board} around {tflite}", err=True)
    return build(board, tflite).uf2


@contextlib.contextmanager
def virtual(what: Path, audio: Path | None, board: str) -> Iterator[Listening]:
    """A virtual board with the image or network `what`, whose microphone hears `audio`. Its time
    is the emulator's."""
    from otolith.virtual import VirtualPico

    pcm = read_pcm(audio, resample=True) if audio else None
    with VirtualPico(image_of(what, board), board=board) as pico:
        client = Client(VirtualTransport(pico))
        hello = client.hello(timeout_ms=_BOOT_MS)
        name = f"virtual {board}"
        if pcm is None:
            yield Listening(client, hello, name)
        else:
            yield Listening(client, hello, name, lambda: pico.play(pcm), len(pcm) / RATE + 1)
