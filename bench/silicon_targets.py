"""The targets for what silicon would say: every row measured, with flash modelled.

    python bench/silicon_targets.py [ROW ...]

ROW: a part of a row's name; default: all. Cycles of the M0+ are the virtual Pico's, with waits for
flash. Those of M4F and M33 are modelled for nRF52840 and EFR32MG24 (otolith.bench.timing), once
without flash, which is how the records of others from chips with wide flash or code in RAM compare
best, and once with it. No board has confirmed any of them.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from otolith.bench.cores import CORES
from otolith.bench.measure import Cost, measure, recorded
from otolith.compile import analyse_model, read_file
from otolith.files import write_bytes
from otolith.firmware.build import build
from otolith.paths import MODELS, ROOT, test_models
from otolith.settings.spec import parse
from otolith.summarize.profile import whole_app
from otolith.train.feasible import untrained

sys.path.insert(0, str(ROOT / "tests"))

from support.core_models import dense
from support.random_models import Net

AD01 = (128, 128, 128, 128, 8, 128, 128, 128, 128, 640)
SHARED = ("fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech")

_costs: dict[tuple[Path, str], Cost] = {}


def cost(path: Path, core: str) -> Cost:
    """What a network takes on a core. Measured once."""
    if (path, core) not in _costs:
        _costs[path, core] = measure(path, CORES[core])
    return _costs[path, core]


def shared(name: str) -> Path:
    """A shared network."""
    return test_models() / f"{name}.tflite"


def macs(path: Path) -> int:
    """Products of an inference."""
    return analyse_model(read_file(path), path.stem).macs


def ad01(folder: Path) -> Path:
    """MLPerf Tiny's autoencoder, 264,192 random weights."""
    net = Net(np.random.default_rng(1), (1, 640))
    for width in AD01:
        dense(net, width)
    write_bytes(folder / "ad01.tflite", net.build())
    return folder / "ad01.tflite"


def tenet(folder: Path) -> Path:
    """MLTK's TENet for the words on and off: 98 x 104, 50 channels, 3 classes."""
    spec = {
        "model": {
            "name": "tenet",
            "description": "",
            "classes": ["on", "off", "other"],
            "architecture": "tenet20",
        },
        "data": {},
        "features": {
            "kind": "mfcc",
            "frames": 98,
            "window": 512,
            "hop": 160,
            "bands": 104,
            "mels": 104,
        },
        "detect": {"thresholds": {"on": 0.5}},
    }
    write_bytes(folder / "tenet.tflite", untrained(parse(spec, "tenet")))
    return folder / "tenet.tflite"


def against_tflm() -> tuple[float, str]:
    """The geometric mean of shares of TFLM's cycles on the M0+."""
    ratios = []
    for name in SHARED:
        other = recorded(name, CORES["m0plus"])
        assert other
        ratios.append(cost(shared(name), "m0plus").count / other.count)
    mean = float(np.exp(np.mean(np.log(ratios))))
    return mean, "TFLM's recorded cycles have no waits for flash: with them the share is smaller"


def a_mac(path: Path, core: str) -> tuple[float, str]:
    """Modelled cycles a product, without flash."""
    found, products = cost(path, core), macs(path)
    assert found.cycles
    ideal = found.cycles - found.waits
    chip = CORES[core].chip
    return ideal / products, f"from {chip}'s flash {found.cycles / products:.2f}"


def fire_alarm_hop(folder: Path) -> tuple[float, str]:
    """Milliseconds of microphone, front end and network in a hop of the app on the Pico."""
    file = MODELS / "fire_alarm" / "fire_alarm.tflite"
    analysis = analyse_model(read_file(file), "fire_alarm")
    metadata = analysis.network.metadata
    assert metadata
    window = metadata.features.hop_ms * metadata.features.frames
    image = build("pico", file).uf2
    told = whole_app(image, analysis.network.digest, "pico", window)
    parts = {name: told[f"{name}_ms"] for name in ("pdm", "feature", "infer")}
    note = ", ".join(f"{name} {ms:.2f}" for name, ms in parts.items())
    return sum(parts.values()), f"{note}; CPU {told['cpu']:.1%}"


Measure = Callable[[Path], tuple[float, str]]


def _cycles(path: Path) -> tuple[float, str]:
    found = cost(path, "m0plus")
    return found.count / 1e6, f"{found.count / macs(path):.2f} a MAC, flash {found.weights:,} bytes"


ROWS: list[tuple[str, str, float, Measure]] = [
    ("kws_ref M0+", "M cycles", 8.5, lambda _: _cycles(shared("kws_ref"))),
    ("against TFLM, M0+", "share", 0.19, lambda _: against_tflm()),
    ("ad01 M0+", "M cycles", 1.7, lambda folder: _cycles(ad01(folder))),
    ("TENet 98x104 M0+", "M cycles", 22, lambda folder: _cycles(tenet(folder))),
    ("kws_ref M4", "cycles a MAC", 1.6, lambda _: a_mac(shared("kws_ref"), "m4f")),
    ("kws_ref M33", "cycles a MAC", 1.5, lambda _: a_mac(shared("kws_ref"), "m33")),
    ("ad01 M4", "cycles a MAC", 1.75, lambda folder: a_mac(ad01(folder), "m4f")),
    ("ad01 M33", "cycles a MAC", 1.8, lambda folder: a_mac(ad01(folder), "m33")),
    ("fire-alarm app, a hop", "ms", 3.5, fire_alarm_hop),
    (
        "kws_ref code and tables",
        "kB",
        10,
        lambda _: (cost(shared("kws_ref"), "m0plus").flash / 1e3, "M0+"),
    ),
]


def main() -> None:
    """Prints a row for each target."""
    wanted = sys.argv[1:]
    print(f"{'target':<25}{'unit':<14}{'at most':>8}{'reached':>9}  ")
    with tempfile.TemporaryDirectory() as name:
        for what, unit, most, measured in ROWS:
            if wanted and not any(word in what for word in wanted):
                continue
            reached, note = measured(Path(name))
            met = "met" if reached <= most else f"missed by {reached / most - 1:.0%}"
            print(f"{what:<25}{unit:<14}{most:>8g}{reached:>9.3g}  {met}; {note}", flush=True)


if __name__ == "__main__":
    main()
