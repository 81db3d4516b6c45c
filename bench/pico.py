"""The fire-alarm app on the virtual Pico, in emulated time; networks alone: `host bench engines`.

    python bench/pico.py

Needs models/fire_alarm/fire_alarm.tflite (`host train models/fire_alarm`). Deterministic. Not
modelled: the second core, RAM bank contention.
"""

import numpy as np

from otolith.compile import model_hash
from otolith.firmware.build import build
from otolith.firmware.hear import through_virtual_microphone
from otolith.firmware.size import by_part, total
from otolith.paths import MODELS
from otolith.synth.alarm import alarm_clip


def app() -> None:
    """Prints one hop of the fire-alarm app, and the size of each part of the image."""
    model = MODELS / "fire_alarm" / "fire_alarm.tflite"
    firmware = build("pico", model)
    pcm = alarm_clip(np.random.default_rng(5), 16000 * 20)
    heard = through_virtual_microphone(
        firmware.uf2, pcm, model_hash(model.read_bytes()), scores=False
    )
    stats = [s for s in heard.stats if s["infer_us"]][1:]

    def mean(key: str) -> float:
        return float(np.mean([s[key] for s in stats]))

    print(f"fire_alarm app, {len(stats)} s of alarm, a hop of 32 ms:")
    print(f"  PDM to PCM    {mean('pdm_us') / 1000:6.2f} ms")
    print(f"  features      {mean('feature_us') / 1000:6.2f} ms")
    print(f"  network       {mean('infer_us') / 1000:6.2f} ms")
    print(f"  CPU load      {mean('cpu'):6.1%}")
    print(f"  overruns      {stats[-1]['overruns']:6d}")
    print(f"  stack         {stats[-1]['stack']:6d} bytes used")
    uses = by_part(firmware.map)
    print(f"\n{'part':<16}{'flash':>9}{'RAM':>9}  bytes")
    for name, use in (*uses.items(), ("total", total(uses))):
        print(f"{name:<16}{use.flash:>9,}{use.ram:>9,}")


if __name__ == "__main__":
    app()
