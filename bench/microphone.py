"""Measures the USB microphone app on the virtual Pico, in emulated time.

    python bench/microphone.py          # its output is kept in bench/results/microphone.txt

The emulator does not model exception entry and RAM bank contention.
"""

import collections

import numpy as np

from otolith.device import Client, VirtualTransport
from otolith.firmware import build as firmware
from otolith.firmware.size import by_part, total
from otolith.virtual.rp2040 import VirtualPico

SECONDS = 20
RATE = 16_000
SETTLED = RATE  # samples until the DC filter has settled


def stream(image, ppm: float) -> dict:
    """Load, latency and packet sizes when the computer's clock is `ppm` fast."""
    with VirtualPico(image, usb_ppm=ppm) as board:
        board.run_ms(40)
        client = Client(VirtualTransport(board))
        client.command("counter on")
        board.run_ms(2000)
        board.read_audio()
        before = len(board.packets)
        behind = []
        for _ in range(SECONDS * 10):
            board.run_ms(100)
            last = int(board.read_audio()[-1]) & 0xFFFF
            behind.append((board.microphone_bits // 64 - 1 - last) & 0xFFFF)
        stats = client.command("stats")
        sizes = collections.Counter(size // 2 for _, size in board.packets[before:])
    return {
        "cpu": stats["cpu"],
        "stack": stats["stack"],
        "lost": stats["lost"] + stats["overruns"],
        "missed": board.missed_frames,
        "latency_ms": (min(behind) / 16, float(np.mean(behind)) / 16, max(behind) / 16),
        "sizes": dict(sorted(sizes.items())),
    }


def snr(image) -> float:
    """SNR in dB of a 1 kHz tone at -6 dBFS, in the samples that USB delivers."""
    t = np.arange(4 * RATE) / RATE
    tone = np.round(16384 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)
    with VirtualPico(image, audio=tone) as board:
        board.run_ms(3500)
        pcm = board.read_audio()[SETTLED : SETTLED + 2 * RATE] / 32768
    angle = 2 * np.pi * 1000 * np.arange(len(pcm)) / RATE
    basis = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)], axis=1)
    found, *_ = np.linalg.lstsq(basis, pcm, rcond=None)
    rest = pcm - basis @ found
    return 10 * np.log10((found[0] ** 2 + found[1] ** 2) / 2 / np.mean(rest**2))


def main() -> None:
    built = firmware.build("pico-mic")
    size = total(by_part(built.map))
    print(f"image: {size.flash:,} bytes of flash, {size.ram:,} of RAM")
    print(f"SNR of a 1 kHz tone at -6 dBFS: {snr(built.uf2):.1f} dB")
    print(f"{SECONDS} s of stream; latency from the pin to the bus, without the filter's own:")
    for ppm in (-1000, -100, 0, 100, 1000):
        s = stream(built.uf2, ppm)
        low, mean, high = s["latency_ms"]
        print(
            f"computer {ppm:+5} ppm: CPU {s['cpu']:.1%}, stack {s['stack']}, latency {mean:.1f} ms "
            f"({low:.1f}-{high:.1f}), samples a packet {s['sizes']}, lost {s['lost']}, frames "
            f"without a packet {s['missed']}"
        )


if __name__ == "__main__":
    main()
