"""Blocks of PCM that an EFR32MG24 sends, in tests of its microphone drivers."""

from __future__ import annotations

from typing import Any

import numpy as np

from otolith.device import Client, VirtualTransport
from otolith.device.frames import Frame


def streaming(chip: Any) -> Client:
    """A client that has started the PCM stream."""
    client = Client(VirtualTransport(chip))
    client.hello()
    client.command("pcm on")
    return client


def blocks(client: Client, chip: Any, ms: float) -> dict[int, np.ndarray]:
    """Blocks that arrive within `ms`, by their number: int16 samples."""
    chip.core.run_ms(ms)
    frames = [m for m in client.lines(0.1) if isinstance(m, Frame)]
    assert client.garbage == 0
    return {f.sequence: np.frombuffer(f.data, "<i2") for f in frames}
