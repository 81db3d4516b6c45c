"""microWakeWord's networks on the virtual Pico: one, and two with a voice-activity network.

    python bench/wake.py okay_nabu.json hey_jarvis.json vad.json

Takes manifests. The first is measured alone, then all of them, gated by the last. The microphone
hears recordings of people who say "alexa" and "jarvis" ($OTOLITH_DATA). Time is the emulator's.
Deterministic. Not modelled: the second core, RAM bank contention.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from otolith.audio import read_pcm
from otolith.compile.adopt import adopt_manifest
from otolith.device import Client, VirtualTransport
from otolith.device.records import Detect, Stats
from otolith.firmware.build import build
from otolith.firmware.size import by_part, total
from otolith.paths import test_data
from otolith.virtual import boot

SECONDS = 12
CLOCK_MHZ = 125


def sound() -> np.ndarray:
    """People who say "alexa" and "jarvis", in turn."""
    folders = [sorted((test_data() / "wake_words" / w).glob("*.flac")) for w in ("alexa", "jarvis")]
    turns = [file for pair in zip(*(f[:6] for f in folders), strict=True) for file in pair]
    return np.concatenate([read_pcm(file) for file in turns])[: SECONDS * 16000]


def measure(models: Sequence[Path], gate: str | None = None) -> None:
    """Prints what a hop of these networks costs, and the size of the image."""
    names = ", ".join(model.stem for model in models)
    firmware = build("pico", models if len(models) > 1 else models[0], gate=gate)
    stats: list[Stats] = []
    heard: list[str] = []
    with boot(firmware.uf2, "pico") as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        board.run_ms(max(0.0, board.SETTLE_MS - board.time_ms))
        board.play(sound())
        end = board.time_ms + 1000 * SECONDS
        while board.time_ms < end:
            for message in client.lines(timeout_ms=200):
                if isinstance(message, Stats) and message.infer_us:
                    stats.append(message)
                elif isinstance(message, Detect):
                    heard.append(f"{message.label} at {message.t_ms / 1000:.1f} s")
                break
    stats = stats[1:]

    def mean(key: str) -> float:
        return float(np.mean([s[key] for s in stats]))

    print(f"{names}{f', gated by {gate}' if gate else ''}: {len(stats)} s, a hop of 30 ms")
    for label, key in (("PDM to PCM", "pdm_us"), ("features", "feature_us")):
        print(f"  {label:<22}{mean(key) / 1000:6.2f} ms")
    infer = mean("infer_us")
    print(f"  {'networks':<22}{infer / 1000:6.2f} ms, {infer * CLOCK_MHZ / 1e6:.3f} M cycles")
    print(
        f"  {'CPU of the Pico':<22}{mean('cpu'):6.1%}, at most {max(s['cpu'] for s in stats):.1%}"
    )
    print(f"  {'overruns':<22}{stats[-1]['overruns']:6d}")
    print(f"  heard: {', '.join(heard) or 'nothing'}")
    uses = by_part(firmware.map)
    print(f"  {'part':<16}{'flash':>9}{'RAM':>9}  bytes")
    for name, use in (*uses.items(), ("total", total(uses))):
        print(f"  {name:<16}{use.flash:>9,}{use.ram:>9,}")


def main(manifests: Sequence[Path]) -> None:
    """Adopts the manifests' networks and measures them."""
    with tempfile.TemporaryDirectory() as folder:
        models = []
        for path in manifests:
            data, metadata = adopt_manifest(path)
            models.append(Path(folder) / f"{metadata.name}.tflite")
            models[-1].write_bytes(data)
        measure(models[:1])
        if len(models) > 1:
            measure(models, models[-1].stem)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
