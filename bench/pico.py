"""The fire-alarm app and the shared networks on the virtual Pico, in emulated time.

    python bench/pico.py

Needs models/fire_alarm/fire_alarm.tflite (`host train models/fire_alarm`); the networks come from
$OTOLITH_MODELS and are left out where that folder is absent. Deterministic. Not modelled: flash
wait states (code runs from flash here as if from RAM), the second core, bus contention.
"""

from pathlib import Path

import numpy as np

from host.compile import compile_graph, model_hash
from host.compile.run import run_on_pico
from host.data.alarm import alarm_clip
from host.deploy.firmware import build
from host.deploy.hear import through_virtual_microphone
from host.paths import MODELS, test_models
from host.report.size import by_part, total

# TensorFlow Lite Micro + CMSIS-NN, -O3, same emulator: cycles, arena bytes (measured 2026-11-20).
BASELINE = {
    "fire_alarm": (2_352_000, 18_020),
    "kws_ref": (39_516_000, 22_820),
    "micro_speech": (3_339_000, 6_836),
    "mltk_micro_speech": (6_225_000, 8_868),
}


def app() -> None:
    """One hop of the fire-alarm app, and the image by part."""
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


def networks(folder: Path) -> None:
    """The shared networks against TFLM + CMSIS-NN."""
    print(
        f"\n{'network':<18}{'cycles':>12}{'ms':>8}{'TFLM':>12}{'ratio':>7}{'arena':>8}{'TFLM':>8}"
    )
    ratios = []
    for path in sorted(folder.glob("*.tflite")):
        shape = compile_graph(path.read_bytes(), path.stem).report["inputs"][0]["shape"]
        value = np.random.default_rng(3).integers(-128, 128, shape).astype(np.int8)
        _, figures = run_on_pico(path, value)
        cycles, arena = BASELINE[path.stem]
        ratios.append(figures["cycles"] / cycles)
        print(
            f"{path.stem:<18}{figures['cycles']:>12,}{figures['ms']:>8.1f}{cycles:>12,}"
            f"{ratios[-1]:>7.2f}{figures['arena']:>8,}{arena:>8,}"
        )
    print(f"{'geometric mean':<18}{np.exp(np.mean(np.log(ratios))):>39.2f}")


if __name__ == "__main__":
    app()
    if test_models().is_dir():
        networks(test_models())
