"""Microphones of the computer, through PortAudio."""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from otolith.audio import RATE
from otolith.audio.blocks import Block
from otolith.device.transports import PRODUCTS, VENDOR
from otolith.errors import UserError

NAME = "otolith"  # part of the name of our microphones, to which systems add
_WAIT_S = 0.1
_LIST = "`host record --list` shows what there is"


@dataclass(frozen=True)
class Device:
    """An input device.

    Attributes:
        number: Number in PortAudio's list.
        name: Name that the system gives it.
        system: PortAudio's host API. Each host API lists the same device again.
        rate: Sampling rate that the device prefers, Hz.
        channels: Most input channels.
    """

    number: int
    name: str
    system: str
    rate: float
    channels: int

    @property
    def is_ours(self) -> bool:
        """Whether it is an Otolith microphone."""
        return NAME in self.name.lower()


def portaudio() -> ModuleType:
    """Import the sounddevice module. Raises UserError if PortAudio is not installed."""
    try:
        import sounddevice
    except OSError as error:
        raise UserError(
            "PortAudio is missing: run `host setup` (or record with --serial PORT)"
        ) from error
    return sounddevice


def list_devices() -> list[Device]:
    """List all input devices. Raises UserError if PortAudio can't."""
    sounddevice = portaudio()
    try:
        systems = sounddevice.query_hostapis()
        return [
            Device(
                number,
                device["name"],
                systems[device["hostapi"]]["name"],
                device["default_samplerate"],
                device["max_input_channels"],
            )
            for number, device in enumerate(sounddevice.query_devices())
            if device["max_input_channels"] > 0
        ]
    except sounddevice.PortAudioError as error:
        raise UserError(f"PortAudio can't list microphones: {_reason(error)}") from error


def choose(devices: list[Device], wanted: str | None) -> list[Device]:
    """Find a device by its number or a part of its name.

    Args:
        devices: All input devices.
        wanted: Number, name or part of the name. None: the Otolith microphone.

    Returns:
        The device, once for each host API.

    Raises:
        UserError: No device or more than one fits.
    """
    if wanted is not None and wanted.isdecimal():
        found = [device for device in devices if device.number == int(wanted)]
        if not found:
            raise UserError(f"no microphone has number {wanted}: {_LIST}")
        return found
    if not devices:
        raise UserError(
            "no microphone found: attach a board that runs the usb_mic app (pio run -e pico-mic "
            "-t upload), or record with --serial PORT"
        )
    part = NAME if wanted is None else wanted.lower()
    found = [device for device in devices if device.name.lower() == part]
    found = found or [device for device in devices if part in device.name.lower()]
    if not found and wanted is None:
        raise UserError(
            "no Otolith microphone found: attach a board that runs the usb_mic app (pio run "
            f"-e pico-mic -t upload), or choose one with --device or --serial; {_LIST}"
        )
    if not found:
        raise UserError(f"no microphone is called {wanted!r}: {_LIST}")
    for system in {device.system for device in found}:
        alike = [device for device in found if device.system == system]
        if len(alike) > 1:
            names = ", ".join(f"{device.number} {device.name!r}" for device in alike)
            raise UserError(f"more than one microphone fits: choose by --device NUMBER: {names}")
    return found


def ours_or_default() -> str | None:
    """The microphone to use if none is named.

    Returns:
        None if an Otolith microphone is attached, which choose() then finds. Otherwise the number
        of the default microphone of the computer.

    Raises:
        UserError: There is no microphone.
    """
    devices = list_devices()
    if not devices:
        raise UserError("no microphone found: attach one, or a board that runs the usb_mic app")
    if any(device.is_ours for device in devices):
        return None
    number = portaudio().default.device[0]
    return str(number if number >= 0 else devices[0].number)


def usb_serial() -> str | None:
    """The USB serial number of the Otolith microphone. None unless exactly one is attached."""
    from serial.tools import list_ports

    product = {name: number for number, name in PRODUCTS.items()}["Otolith Mic"]
    found = {
        port.serial_number
        for port in list_ports.comports()
        if (port.vid, port.pid) == (VENDOR, product)
    }
    return found.pop() if len(found) == 1 else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the lines that PortAudio and ALSA print when a device can't be opened."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _reason(error: Exception) -> str:
    """The error text of PortAudio, without the prefix of sounddevice."""
    text = str(error.args[0]) if error.args else str(error)
    return text.partition(": ")[2] or text


class Microphone:
    """An input device of PortAudio as a Source.

    The device is opened at 16 kHz, mono. If it refuses, it is opened at its own rate, and soxr
    resamples.

    Args:
        wanted: Name or number, as for choose().

    Raises:
        UserError: There is no such device, or it can't be opened.
    """

    def __init__(self, wanted: str | None = None) -> None:
        self._sounddevice = portaudio()
        found = choose(list_devices(), wanted)
        self._blocks: queue.SimpleQueue[tuple[bytes, bool]] = queue.SimpleQueue()
        self._resampler = None
        device = self._open(found)
        serial = usb_serial() if device.is_ours else None
        # systems add text that depends on the port: "Otolith Mic: USB Audio (hw:1,0)"
        self.name = " ".join(filter(None, ["Otolith Mic" if serial else device.name, serial]))

    def _open(self, found: list[Device]) -> Device:
        failure: Exception | None = None
        for device, rate in [(d, RATE) for d in found] + [(d, round(d.rate)) for d in found]:
            try:
                with _quiet():
                    stream = self._sounddevice.RawInputStream(
                        samplerate=rate,
                        device=device.number,
                        channels=1,
                        dtype="int16",
                        latency="high",
                        callback=self._take,
                    )
            except (self._sounddevice.PortAudioError, ValueError) as error:
                failure = failure or error
                continue
            try:
                if rate != RATE:
                    import soxr

                    self._resampler = soxr.ResampleStream(rate, RATE, 1, dtype="int16")
                with _quiet():
                    stream.start()
            except self._sounddevice.PortAudioError as error:
                stream.close()
                self._resampler = None
                failure = failure or error
                continue
            self._stream = stream
            return device
        assert failure is not None
        raise UserError(
            f"can't record from {found[0].name!r}: {_reason(failure)}: does another program use "
            f"it? {_LIST}"
        ) from failure

    def _take(self, data, frames: int, time: object, status) -> None:
        """Queue new PCM. PortAudio calls this in its own thread."""
        self._blocks.put((bytes(data), bool(status.input_overflow)))

    def read(self) -> Block:
        """Return the next block (16 kHz, mono), empty if none comes within a tenth of a second."""
        try:
            data, overflow = self._blocks.get(timeout=_WAIT_S)
        except queue.Empty:
            return Block(np.empty(0, np.int16))
        pcm = np.frombuffer(data, np.int16)
        if self._resampler is not None:
            pcm = self._resampler.resample_chunk(pcm)
        return Block(pcm, overflows=int(overflow))

    def close(self) -> None:
        """Stop the stream."""
        self._stream.close(ignore_errors=True)
