"""Measures what a product, a row or an output costs on the virtual Pico.

Writes host/otolith/summarize/costs/rp2040.json.

    python bench/costs.py              # all
    python bench/costs.py operations   # networks alone

Profiles untrained networks of many shapes and fits the cycles of each operation to what it does
(otolith/summarize/realtime.py). Then runs the front ends of the presets in the inference app.
The CHECKED networks are only predicted. Run it again when kernels or front ends change.
It is deterministic.
"""

import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from otolith.compile import model_hash, schedule_model
from otolith.features import PRESETS, preset
from otolith.files import write_text
from otolith.firmware.build import build
from otolith.firmware.hear import through_virtual_microphone
from otolith.paths import MODELS
from otolith.settings.features import front_end
from otolith.settings.spec import load, parse
from otolith.summarize.profile import profile_image
from otolith.summarize.realtime import (
    ANY,
    COSTS,
    costs_of,
    frame_work,
    network_cycles,
    priced,
    work,
)
from otolith.train.feasible import untrained

CLOCK = 125e6
CORE = "m0plus"
# architecture, frames, bands, classes
FITTED = [
    ("smart_lock_cnn", 15, 20, 4),
    ("alarm_cnn", 124, 129, 2),
    ("esc_cnn", 62, 129, 10),
    ("strided_cnn", 62, 129, 10),
    ("micro_speech", 49, 40, 4),
    ("ds_cnn_s", 49, 10, 12),
    ("tenet6", 49, 40, 12),
    ("bc_resnet", 62, 40, 4),
]
CHECKED = ("smart_lock_small", "keyword", "on_off", "environment")  # of models/
UNITS = {
    "nn_m0_conv_2d": ("products", "outputs", "inputs", "lines", "wide"),
    "nn_m0_taps_conv_2d": ("products", "outputs"),
    "nn_m0_depthwise_conv_2d": (
        "products",
        "outputs",
        "inputs",
        "lines",
        "heights",
        "dilations",
    ),
    "nn_m0_fully_connected": ("macs", "outputs"),
    "nn_m0_max_pool_2d": ("macs", "outputs"),
    "nn_m0_average_pool_2d": ("macs", "outputs"),
    "CONV_2D": ("macs", "rows", "outputs", "pixels"),
    "DEPTHWISE_CONV_2D": ("macs", "rows", "outputs", "pixels"),
    "FULLY_CONNECTED": ("macs", "outputs"),
    "MEAN": ("inputs", "outputs"),
    "MAX_POOL_2D": ("macs", "outputs"),
    "AVERAGE_POOL_2D": ("macs", "outputs"),
}


def network(architecture: str, frames: int, bands: int, classes: int) -> bytes:
    """An untrained network. Its cost does not depend on its weights."""
    names = [f"c{number}" for number in range(classes)]
    return untrained(
        parse(
            {
                "model": {
                    "name": architecture,
                    "description": "",
                    "classes": names,
                    "architecture": architecture,
                },
                "data": {},
                "features": {"frames": frames, "window": 256, "hop": 128}
                | ({} if bands == 129 else {"kind": "mfcc", "bands": bands, "mels": bands}),
                "detect": {"thresholds": {"c1": 0.5}},
            },
            architecture,
        )
    )


def profiled(data: bytes, folder: Path):
    """The schedule and the profile of a network."""
    schedule = schedule_model(data, "network")
    file = folder / "network.tflite"
    file.write_bytes(data)
    return schedule, profile_image(build("pico-bench", file).uf2, schedule)


def fit(rows: list[dict], cycles: list[int], units: tuple[str, ...]) -> dict[str, float]:
    """Prices of 0 or more with the smallest relative error."""
    y = np.array(cycles, float)
    x = np.array([[row.get(u, 0) for u in units] for row in rows], float)
    scale = np.maximum(x.max(axis=0), 1)  # keeps the solver's numbers near each other
    prices = nnls(x / scale / y[:, None], np.ones(len(y)))[0] / scale
    return {u: round(float(p), 4) for u, p in zip(units, prices, strict=True) if p > 0}


def operations(folder: Path) -> dict:
    """Prices of the core's kernels, and of operations on portable kernels.

    A kernel keeps its former prices if there are fewer layers than prices to fit.
    """
    rows, cycles = defaultdict(list), defaultdict(list)
    for case in FITTED:
        schedule, profile = profiled(network(*case), folder)
        steps = schedule.analysis.calls
        names = priced(steps, schedule.graph, CORE)
        for step, name, layer in zip(steps, names, profile.layers, strict=True):
            rows[name].append(work(step, schedule.graph))
            cycles[name].append(layer.cycles)
        print(f"{case}: {profile.cycles:,} cycles", flush=True)
    prices = (costs_of("rp2040") or {"operations": {}})["operations"]
    for name in sorted(rows):
        units = UNITS.get(name, ("outputs", "calls"))
        if name not in prices or len(rows[name]) >= len(units):
            prices[name] = fit(rows[name], cycles[name], units)
    plain = [p for name, p in prices.items() if name not in (*UNITS, ANY) and p.get("outputs")]
    return {**prices, ANY: {"outputs": max(p["outputs"] for p in plain)}}


def front_ends(folder: Path) -> dict:
    """Prices of a frame, of a sample of the microphone, and of a value of the window.

    The price of a value is that of turning it into the network's input.
    """
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from support.front_end_model import network as listener
    from support.front_end_model import sound

    wide = front_end(kind="spectrogram")
    rows, cycles, window, microphone = (defaultdict(list) for _ in range(4))
    for settings in [wide, *(preset(name) for name in PRESETS)]:
        hop_frames = max(1, 640 // settings.hop)
        model = listener(settings, hop_frames)
        profile = profiled(model, folder)[1]
        file = folder / "listener.tflite"
        file.write_bytes(model)
        heard = through_virtual_microphone(
            build("pico", file).uf2, sound(3), model_hash(model), scores=False
        )
        stats = [s for s in heard.stats if s["infer_us"]][1:]
        pdm, frames, infer = (
            float(np.mean([s[key] for s in stats])) * CLOCK / 1e6
            for key in ("pdm_us", "feature_us", "infer_us")
        )
        rows[settings.kind].append(frame_work(settings))
        cycles[settings.kind].append(frames / hop_frames)
        microphone["all"].append(pdm / hop_frames / settings.hop)
        values = settings.frames * settings.bands
        window[settings.compress].append((infer - profile.cycles) / values)
        print(f"{settings.kind}: a frame {frames / hop_frames:,.0f} cycles", flush=True)
    return {
        "microphone": round(float(np.mean(microphone["all"])), 2),
        "features": {
            kind: fit(rows[kind], cycles[kind], ("butterflies", "window", "bands"))
            for kind in sorted(rows)
        },
        "window": {
            name: round(max(0.0, float(np.mean(found))), 2)
            for name, found in sorted(window.items())
        },
    }


def check(folder: Path) -> None:
    """Compares predictions with measurements for networks that were not fitted."""
    costs = costs_of("rp2040")
    for name in CHECKED:
        schedule, profile = profiled(untrained(load(MODELS / name)), folder)
        guess = network_cycles(schedule.analysis, costs)
        cycles = profile.hop_cycles or profile.cycles
        print(
            f"{name}: {cycles:,} cycles, predicted {guess:,.0f} ({guess / cycles - 1:+.1%})",
            flush=True,
        )


def main() -> None:
    known = costs_of("rp2040") or {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prices = operations(folder)
        fronts = known if sys.argv[1:] == ["operations"] else front_ends(folder)
        costs = {
            **fronts,
            "made_by": "python bench/costs.py",
            "unit": "cycles",
            "core": CORE,
            "operations": prices,
        }
        write_text(COSTS / "rp2040.json", json.dumps(costs, indent=2) + "\n")
        check(folder)


if __name__ == "__main__":
    main()
