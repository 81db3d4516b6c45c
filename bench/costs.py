"""Measures what a product, a row or an output costs on a virtual board.

Writes host/otolith/summarize/costs/<chip family or kernels>.json.

    python bench/costs.py                  # the RP2040: cycles
    python bench/costs.py rp2040 drawn     # its own kernels alone, from drawn networks
    python bench/costs.py dsp              # Cortex-M4F and M33: instructions
    python bench/costs.py dsp operations   # no front ends
    python bench/costs.py dsp kernels      # the core's own kernels alone

Profiles untrained networks of many shapes and fits the cost of each operation to what it does
(otolith/summarize/realtime.py). For the RP2040 that includes networks that bench/estimates.py draws
from number DRAWN on, which it does not judge. Then runs the front ends of the presets in the
inference app.
The CHECKED networks are only predicted. Run it again when kernels or front ends change.
It is deterministic, up to a hundred instructions in QEMU.

On cores whose instructions are counted, prices of the core's own kernels are fitted to single
layers of random shapes, all in one bare program in QEMU. Front ends are counted on the virtual
nRF52840 DK, the microphone there and on the xG24 kit. How many cycles an instruction takes is a
range: the least and the most that Arm's table of the Cortex-M4 allows for the instructions of the
FITTED networks. M4F and M33 run the same kernels and share the prices. Arm publishes no such table
for the M33, so it gets the M4's range. tests/unit/test_cores_dsp.py compares both with QEMU.
"""

import json
import math
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from otolith.bench.shares import cycle_bounds
from otolith.compile import Schedule, compile_graph, model_hash, schedule_model
from otolith.compile.cores import OPTIMIZE
from otolith.compile.packing import room_on
from otolith.compile.schedule import constant_bytes
from otolith.device.boards import named
from otolith.features import PRESETS, preset
from otolith.files import write_text
from otolith.firmware.build import build
from otolith.firmware.hear import through_virtual_microphone
from otolith.paths import MODELS, ROOT
from otolith.settings.features import FrontEnd, front_end
from otolith.settings.spec import load, parse
from otolith.summarize.profile import profile_firmware, zero_inputs
from otolith.summarize.realtime import (
    ANY,
    COSTS,
    costs_of,
    frame_work,
    lost,
    network_cycles,
    priced,
    work,
)
from otolith.train.feasible import untrained
from otolith.virtual import class_for

sys.path.insert(0, str(ROOT / "tests"))

import estimates  # in this folder


@dataclass(frozen=True)
class Target:
    """What is measured: a chip family, or the cores that run some kernels.

    Attributes:
        costs: Name of the file of costs.
        core: Its kernels, a key of compile.cores.CORES.
        bench: The board that runs networks.
        board: The board that runs front ends.
        counted: Whether instructions are counted, not cycles.
    """

    costs: str
    core: str
    bench: str
    board: str
    counted: bool = True


TARGETS = {
    target.costs: target
    for target in (
        Target("rp2040", "m0plus", "pico", "pico", counted=False),
        Target("dsp", "dsp", "mps2_an386", "nrf52840_dk"),
    )
}
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
FETCH = 48.0  # cycles of a word from the RP2040's flash (virtual/rp2040/flash.mjs); not fitted
LAYERS, KINDS = 16, 10  # of layers(): rounds, and kinds in each
DRAWN = range(100, 111)
CHECKED = ("smart_lock_small", "keyword", "on_off", "environment")  # of models/
UNITS = {
    "nn_m0_conv_2d": ("packed", "grouped", "outputs", "lines", "pixels"),
    "nn_m0_taps_conv_2d": ("packed", "inputs"),
    "nn_m0_depthwise_conv_2d": (
        "products",
        "outputs",
        "inputs",
        "rows",
        "planes",
        "dilations",
    ),
    "nn_m0_depthwise_strip": ("products", "outputs", "channels"),
    "nn_m0_dense": ("macs", "outputs", "calls"),
    "nn_m0_fully_connected": ("macs", "outputs"),
    "nn_m0_max_pool_2d": ("macs", "outputs"),
    "nn_m0_average_pool_2d": ("macs", "outputs"),
    "nn_dsp_conv_2d": ("filled", "outputs", "patch", "pixels", "inputs", "lines"),
    "nn_dsp_conv_2d_small": ("filled", "outputs", "patch", "pixels", "inputs", "lines"),
    "nn_dsp_pointwise": ("filled", "outputs", "inputs", "pixels"),
    "nn_dsp_pointwise_small": ("filled", "outputs", "inputs", "pixels"),
    "nn_dsp_depthwise_3x3": ("outputs", "inputs", "planes", "channels"),
    "nn_dsp_depthwise_conv_2d": ("products", "outputs", "inputs", "planes", "heights"),
    "nn_dsp_fully_connected": ("macs", "outputs"),
    "nn_dsp_fully_connected_small": ("macs", "outputs"),
    "nn_dsp_conv_2d_line": ("filled", "outputs", "patch", "pixels", "inputs", "lines"),
    "nn_dsp_pointwise_line": ("filled", "outputs", "inputs", "pixels"),
    "nn_dsp_depthwise_3x3_line": ("outputs", "inputs", "planes", "channels"),
    "nn_dsp_depthwise_conv_2d_line": ("products", "outputs", "inputs", "planes", "heights"),
    "nn_dsp_fully_connected_line": ("macs", "outputs"),
    "nn_dsp_max_pool_2d": ("macs", "outputs"),
    "nn_dsp_average_pool_2d": ("macs", "outputs"),
    "nn_dsp_mean": ("inputs", "outputs"),
    "nn_dsp_add": ("outputs", "calls"),
    "nn_dsp_mul": ("outputs", "calls"),
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


def profiled(data: bytes, folder: Path, target: Target):
    """The schedule, the profile and the bench firmware of a network."""
    schedule = schedule_model(data, "network", target.core)
    file = folder / "network.tflite"
    file.write_bytes(data)
    firmware = build(f"{target.bench}-bench", file)
    return schedule, profile_firmware(firmware, schedule, target.bench), firmware


def fit(rows: list[dict], cycles: list[int], units: tuple[str, ...]) -> dict[str, float]:
    """Prices of 0 or more with the smallest relative error."""
    y = np.array(cycles, float)
    x = np.array([[row.get(u, 0) for u in units] for row in rows], float)
    scale = np.maximum(x.max(axis=0), 1)  # keeps the solver's numbers near each other
    prices = nnls(x / scale / y[:, None], np.ones(len(y)))[0] / scale
    return {u: round(float(p), 4) for u, p in zip(units, prices, strict=True) if p > 0}


def priced_again(rows: dict, counts: dict, known: dict) -> dict:
    """Fits prices. A kernel keeps its former ones if there are fewer layers than prices to fit."""
    prices = dict(known)
    for name in sorted(rows):
        units = UNITS.get(name, ("outputs", "calls"))
        if name not in prices or len(rows[name]) >= len(units):
            prices[name] = fit(rows[name], counts[name], units)
    return prices


def without_fetches(row: dict, cycles: int) -> int:
    """A layer's cycles beside the fetches of its constants, but a fifth of them at least."""
    return max(cycles // 5, round(cycles - FETCH * row.get("fetches", 0)))


def fetched(schedule: Schedule) -> float:
    """Share of its constants that a measured inference fetches.

    All, as it is the first one. With kept rows it comes after hops, which have fetched them.
    """
    constants = [schedule.full.program]
    return lost(constant_bytes(schedule.graph, constants, code=False)) if schedule.slide else 1.0


def drawn(folder: Path, known: dict) -> dict:
    """Prices of the M0+'s own kernels, from networks that bench/estimates.py does not judge."""
    rows, counts = defaultdict(list), defaultdict(list)
    room, built_from = room_on(named("pico").flash), estimates.sources()
    for number in DRAWN:
        data = estimates.network(number)
        schedule = schedule_model(data, "network", "m0plus", room=room)
        whole, *layers = estimates.measured_cycles(
            data, folder / "network.tflite", schedule, built_from
        )
        steps = schedule.analysis.calls
        names = priced(steps, schedule.graph, "m0plus", plain=schedule.plain)
        for step, (name, kernel), cycles in zip(steps, names, layers, strict=True):
            row = work(step, schedule.graph, kernel)
            rows[name].append(row)
            counts[name].append(max(1, without_fetches(row, cycles)))
        print(f"drawn network {number}: {whole:,} cycles", flush=True)
    own = {name: rows[name] for name in rows if name.startswith("nn_")}
    return priced_again(own, counts, known)


def operations(folder: Path, target: Target, known: dict) -> tuple[dict, list]:
    """Prices from whole networks, and for the Cortex-M4 the range of cycles an instruction."""
    rows, counts, bounds = defaultdict(list), defaultdict(list), []
    for case in FITTED:
        schedule, profile, firmware = profiled(network(*case), folder, target)
        steps = schedule.analysis.calls
        names = priced(steps, schedule.graph, target.core)
        for step, (name, kernel), layer in zip(steps, names, profile.layers, strict=True):
            row = work(step, schedule.graph, kernel, fetched(schedule))
            rows[name].append(row)
            cycles = layer.cycles if target.counted else without_fetches(row, layer.cycles)
            counts[name].append(max(1, cycles))
        print(f"{case}: {profile.cycles:,} {profile.unit}", flush=True)
        if target.counted:
            count, low, high = cycle_bounds(
                firmware, target.bench, zero_inputs(schedule.network.inputs)
            )
            bounds.append((low / count, high / count))
            print(f"    {low / count:.2f} to {high / count:.2f} cycles an instruction", flush=True)
    if not bounds:
        return priced_again(rows, counts, known), []
    low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
    return priced_again(rows, counts, known), [math.floor(10 * low) / 10, math.ceil(10 * high) / 10]


def layers() -> list[bytes]:
    """Single layers in the shapes of networks for sounds."""
    from support.core_models import convolution, dense, depthwise
    from support.random_models import SAME, VALID, Net, pool

    def pair(name: str):
        """An operation on two tensors of the network's shape."""

        def add(net: Net) -> None:
            other = net.b.tensor(list(net.shape), net.s, net.z)
            net.inputs.append(other)
            scale = net.s * net.s * 120 if name == "MUL" else net.s * 1.5
            net.grow(name, [net.x, other], net.shape, float(np.float32(scale)))

        return add

    rng = np.random.default_rng(1)

    def between(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    made = []
    for number in range(LAYERS):
        padding = (SAME, VALID)[number % 2]
        wide, deep = (1, between(12, 40), between(8, 40), 1), 4 * between(1, 8)
        image = (1, between(3, 12), between(3, 10), deep)
        taps, strides = (between(2, 9), between(2, 6)), (between(1, 2), between(1, 2))
        kinds = [
            (
                wide,
                lambda net, t=taps, s=strides, p=padding: convolution(net, t, between(4, 24), s, p),
            ),
            (image, lambda net, p=padding: convolution(net, (3, 3), between(4, 24), (1, 1), p)),
            (image, lambda net: convolution(net, (1, 1), 4 * between(1, 16))),
            (image, lambda net: depthwise(net, (3, 3))),
            (image, lambda net, p=padding: depthwise(net, (3, 3), 1, (2, 2), p)),
            (image, lambda net, p=padding: depthwise(net, (between(2, 3), 1), 1, (1, 1), p)),
            ((1, between(16, 600)), lambda net: dense(net, between(2, 64))),
            (image, pool("MAX_POOL_2D")),
            (image, pool("AVERAGE_POOL_2D")),
            (image, pair(("ADD", "MUL")[number % 2])),
        ]
        for shape, add in kinds:
            net = Net(rng, shape)
            add(net)
            made.append(net.build())
    return made


def kernels(folder: Path, target: Target, known: dict) -> dict:
    """Prices of the core's own kernels, from single layers in QEMU."""
    from support.qemu_networks import run

    rng, models = np.random.default_rng(2), layers()
    compiled = [
        compile_graph(model, f"m{n}", target.core, OPTIMIZE[n // KINDS % 3 == 2])
        for n, model in enumerate(models)
    ]
    shapes = [[edge.shape for edge in one.schedule.network.inputs] for one in compiled]
    inputs = [[[rng.integers(-128, 128, s).astype(np.int8) for s in some]] for some in shapes]
    found = run(named(target.bench).qemu, compiled, inputs, folder)[1]
    rows, counts = defaultdict(list), defaultdict(list)
    for one, count in zip(compiled, found, strict=True):
        schedule = one.schedule
        if len(schedule.calls) == 1 and schedule.calls[0].kernel in UNITS:
            rows[schedule.calls[0].kernel].append(work(schedule.analysis.calls[0], schedule.graph))
            counts[schedule.calls[0].kernel].append(count)
    prices = priced_again(rows, counts, known)
    for name in sorted(rows):
        guesses = [sum(p * row[u] for u, p in prices[name].items()) for row in rows[name]]
        off = np.abs(np.array(guesses) / counts[name] - 1)
        print(f"{name}: {len(off)} layers, off by {off.mean():.1%}, at most {off.max():.1%}")
    return prices


def front_ends(folder: Path, target: Target) -> dict:
    """Prices of a frame, of a sample of the microphone, and of a value of the window.

    The price of a value is that of turning it into the network's input.
    """
    from support.front_end_model import network as listener
    from support.front_end_model import sound

    wide = front_end(kind="spectrogram")
    rows, cycles, window, microphone = (defaultdict(list) for _ in range(4))

    def listen(settings: FrontEnd, board: str) -> tuple[bytes, int, list[float]]:
        """The network, its frames a hop, and what microphone, front end and network took."""
        hop_frames, clock = max(1, 640 // settings.hop), named(board).clock_hz
        model = listener(settings, hop_frames)
        file = folder / "listener.tflite"
        file.write_bytes(model)
        firmware = build(board, file)
        image = firmware.elf if class_for(board).IMAGE == "elf" else firmware.uf2
        heard = through_virtual_microphone(
            image, sound(3), model_hash(model), scores=False, board=board
        )
        stats = [s for s in heard.stats if s["infer_us"]][1:]
        keys = ("pdm_us", "feature_us", "infer_us")
        took = [float(np.mean([s[key] for s in stats])) * clock / 1e6 for key in keys]
        return model, hop_frames, took

    for settings in [wide, *(preset(name) for name in PRESETS)]:
        model, hop_frames, (pdm, frames, infer) = listen(settings, target.board)
        profile = profiled(model, folder, target)[1]
        rows[settings.kind].append(frame_work(settings))
        cycles[settings.kind].append(frames / hop_frames)
        microphone[target.board].append(pdm / hop_frames / settings.hop)
        values = settings.frames * settings.bands
        window[settings.compress].append((infer - profile.cycles) / values)
        print(f"{settings.kind}: a frame {frames / hop_frames:,.0f} {profile.unit}", flush=True)
    if target.counted:
        settings = preset("keyword")
        for board in ("xg24_dev_kit", "pico2"):
            _, hop_frames, (pdm, _, _) = listen(settings, board)
            microphone[board].append(pdm / hop_frames / settings.hop)
    return {
        "microphone": {
            named(board).family: round(float(np.mean(found)), 2)
            for board, found in sorted(microphone.items())
        },
        "features": {
            kind: fit(rows[kind], cycles[kind], ("butterflies", "window", "bands"))
            for kind in sorted(rows)
        },
        "window": {
            name: round(max(0.0, float(np.mean(found))), 2)
            for name, found in sorted(window.items())
        },
    }


def check(folder: Path, target: Target) -> None:
    """Compares predictions with measurements for networks that were not fitted."""
    costs = costs_of(target.costs)
    for name in CHECKED:
        schedule, profile, _ = profiled(untrained(load(MODELS / name)), folder, target)
        guess = network_cycles(schedule.analysis, costs)
        count = profile.hop_cycles or profile.cycles
        print(
            f"{name}: {count:,} {profile.unit}, predicted {guess:,.0f} ({guess / count - 1:+.1%})",
            flush=True,
        )


def main() -> None:
    parts = {"operations", "kernels", "drawn"} & set(sys.argv[1:])
    names = [name for name in sys.argv[1:] if name not in parts]
    target = TARGETS[names[0] if names else "rp2040"]
    known = costs_of(target.costs) or {}
    prices, cycles = known.get("operations", {}), known.get("cycles_an_instruction", [])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if target.counted:
            # Portable kernels that no network uses: the M0+'s cycles, an upper bound.
            m0 = costs_of("rp2040")["operations"]
            prices = {name: p for name, p in m0.items() if not name.startswith("nn_")} | prices
            if "kernels" not in parts:
                prices, cycles = operations(folder, target, prices)
            prices = kernels(folder, target, prices)
        else:
            if "drawn" not in parts:
                prices, _ = operations(folder, target, prices)
            prices = drawn(folder, prices)
            prices = {name: price | {"fetches": FETCH} for name, price in prices.items()}
        plain = [p for n, p in prices.items() if n not in (*UNITS, ANY) and p.get("outputs")]
        prices[ANY] = {"outputs": max(p["outputs"] for p in plain)}
        fronts = known if parts else front_ends(folder, target)
        command = "python bench/costs.py" + (f" {target.costs}" if target.counted else "")
        about = {"cycles_an_instruction": cycles} if target.counted else {}
        if "error_bar" in known:  # of bench/estimates.py, which has to run again
            about["error_bar"] = known["error_bar"]
        costs = {
            **fronts,
            "made_by": command,
            "unit": "instructions" if target.counted else "cycles",
            "core": target.core,
            **about,
            "operations": dict(sorted(prices.items())),
        }
        write_text(COSTS / f"{target.costs}.json", json.dumps(costs, indent=2) + "\n")
        if "drawn" not in parts:
            check(folder, target)


if __name__ == "__main__":
    main()
