"""`host profile`: measures the cycles of each layer on a virtual or real board."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.console import Console

from otolith.audio import RATE
from otolith.compile import Schedule, read_file, schedule_model
from otolith.compile.cores import core_named
from otolith.compile.graph import Tensor
from otolith.device.boards import Board, load_boards, named
from otolith.device.transports import Transport
from otolith.errors import UserError, shown
from otolith.evaluate.models import find
from otolith.evaluate.tables import table
from otolith.firmware.build import Firmware
from otolith.paths import ROOT
from otolith.summarize.power import currents_of, power

if TYPE_CHECKING:
    from otolith.bench.timing import Chip

VIRTUAL = "rp2040"  # the chip family whose cycles otolith.virtual counts
# The board in QEMU that has the core of a chip family, and whose cycles are modelled for it. The
# family's own virtual boards take one instruction a cycle: a hook on every block that Unicorn runs
# would make them several times slower.
TWINS = {"nrf52": "mps2_an386", "efr32": "mps2_an505"}


@dataclass(frozen=True)
class Layer:
    """One kernel call and what it took.

    Attributes:
        operation: Name of the operation.
        output: Shape of its output.
        macs: Multiply-accumulate operations.
        cycles: What it took, in the profile's unit.
        parts: Shares of it by kind of instruction (bench/shares.py).
        modelled: Modelled cycles, where instructions are counted (bench/timing).
        waits: Those of them that wait for flash.
    """

    operation: str
    output: list[int]
    macs: int
    cycles: int
    parts: dict[str, float] = field(default_factory=dict)
    modelled: int | None = None
    waits: int = 0


@dataclass(frozen=True)
class Profile:
    """One inference on a board.

    Attributes:
        layers: The kernel calls.
        cycles: The whole inference, measured separately.
        clock_hz: The processor's clock.
        stack: Bytes of stack in use.
        hop_cycles: An inference after a hop, if rows are kept; else 0.
        unit: "cycles", or "instructions" in QEMU.
    """

    layers: list[Layer]
    cycles: int
    clock_hz: int
    stack: int
    hop_cycles: int = 0
    unit: str = "cycles"

    @property
    def ms(self) -> float:
        """Milliseconds of a whole inference."""
        return 1000 * self.cycles / self.clock_hz

    @property
    def ms_a_hop(self) -> float:
        """Milliseconds of an inference of a board that listens."""
        return 1000 * (self.hop_cycles or self.cycles) / self.clock_hz


def profile_image(
    image: Path, schedule: Schedule, board: str = "pico", ideal_flash: bool = False
) -> Profile:
    """Profiles a bench image on a virtual board.

    Args:
        image: The UF2 file of the bench app.
        schedule: The network in it.
        board: Id of the board.
        ideal_flash: Flash answers at once.
    """
    from otolith.device import VirtualTransport
    from otolith.virtual import boot

    with boot(image, board, ideal_flash=ideal_flash) as pico:
        return measure(VirtualTransport(pico), schedule)


def profile_firmware(
    firmware: Firmware, schedule: Schedule, board: str, ideal_flash: bool = False
) -> Profile:
    """Profiles a bench firmware on a virtual board, a Pico or one in QEMU."""
    from otolith.bench.cores import CORES, booted

    core = next((core for core in CORES.values() if core.board == board), None)
    if core is None or core.unit == "cycles":
        return profile_image(firmware.uf2, schedule, board, ideal_flash)
    with booted(core, firmware) as transport:
        profile = measure(transport, schedule)
    clock = profile.clock_hz
    layers = [replace(x, cycles=core.count(x.cycles, clock)) for x in profile.layers]
    count, slid = (core.count(n, clock) for n in (profile.cycles, profile.hop_cycles))
    return replace(profile, layers=layers, cycles=count, hop_cycles=slid, unit=core.unit)


def zero_inputs(inputs: Sequence[Tensor]) -> list[bytes]:
    """Inputs whose values are all 0 when they are dequantised."""
    return [np.full(tensor.shape, tensor.zero_point, np.int8).tobytes() for tensor in inputs]


def measure(transport: Transport, schedule: Schedule) -> Profile:
    """Profiles the network of a board that runs the bench app. Its inputs are zeros.

    Raises:
        UserError: The board runs another app or another network.
    """
    from otolith.device import Client

    network, steps = schedule.network, schedule.calls
    client = Client(transport)
    hello = client.hello(timeout_ms=5000)
    if hello.app != "bench":
        raise UserError(f"the board runs the app {shown(str(hello.app))}: upload the bench app")
    if hello.hash != network.digest:
        raise UserError(f"the board runs network {shown(str(hello.hash))}, not {network.digest}")
    inputs = b"".join(zero_inputs(network.inputs))
    message = client.run_network(inputs, timeout_ms=60_000).message
    cycles = message.layers
    if len(cycles) != len(steps):
        raise UserError(
            f"the board measured {len(cycles)} layers of {len(steps)}: profile a network of fewer "
            "operations"
        )
    layers = [
        Layer(step.operation, list(network.graph.tensors[step.output].shape), step.macs, count)
        for step, count in zip(steps, cycles, strict=True)
    ]
    times = (message.cycles, message.clock_hz, message.stack)
    return Profile(layers, *times, hop_cycles=message.hop_cycles)


def with_parts(profile: Profile, firmware: Firmware, board: str, schedule: Schedule) -> Profile:
    """Adds to each layer its shares of dot product, requantisation, memory and control."""
    from otolith.bench.shares import PARTS, layer_parts

    counted = layer_parts(firmware, board, zero_inputs(schedule.network.inputs))
    layers = [
        replace(layer, parts={name: round(c[name] / max(1, sum(c.values())), 4) for name in PARTS})
        for layer, c in zip(profile.layers, counted, strict=True)
    ]
    return replace(profile, layers=layers)


def with_times(profile: Profile, firmware: Firmware, board: str, schedule: Schedule) -> Profile:
    """Adds to each layer its modelled cycles, on boards whose instructions are counted."""
    from otolith.bench.timing.engine import layer_times

    chip = chip_of(board)
    if chip is None:
        return profile
    times = layer_times(firmware, board, chip, zero_inputs(schedule.network.inputs))
    layers = [
        replace(layer, modelled=time.cycles, waits=time.waits)
        for layer, time in zip(profile.layers, times, strict=True)
    ]
    return replace(profile, layers=layers)


def chip_of(board: str) -> Chip | None:
    """The chip whose cycles are modelled for a board in QEMU; None for other boards."""
    from otolith.bench.cores import CORES
    from otolith.bench.timing import CHIPS

    core = next((core for core in CORES.values() if core.board == board), None)
    return CHIPS[core.chip] if core is not None and core.chip else None


def runs_on(board: str) -> str:
    """The board whose layers `host profile` measures for a board: itself, or one in QEMU."""
    family = next((b.family for b in load_boards() if b.id == board), "")
    return TWINS.get(family, board)


def bottlenecks(profile: Profile) -> list[tuple[str, str, float]]:
    """Operation, part and share of the whole inference, the largest first."""
    found: dict[tuple[str, str], float] = {}
    for layer in profile.layers:
        for part, share in layer.parts.items():
            key = layer.operation, part
            found[key] = found.get(key, 0) + share * layer.cycles / profile.cycles
    return [(*key, value) for key, value in sorted(found.items(), key=lambda x: -x[1])]


def virtual_board(name: str) -> Board:
    """Finds a board whose cycles can be counted here.

    Raises:
        UserError: There is no such board, or it has no bench environment in platformio.ini.
    """
    boards = load_boards()
    virtual = [b.id for b in boards if b.family == VIRTUAL]
    if name not in virtual:
        raise UserError(f"no virtual board {name!r}: {', '.join(virtual)} run here")
    if f"[env:{name}-bench]" not in (ROOT / "platformio.ini").read_text():
        raise UserError(f"platformio.ini has no environment {name}-bench: add it, like pico-bench")
    return next(b for b in boards if b.id == name)


def figures(profile: Profile, hop: float | None) -> dict:
    """The figures that --json prints."""
    worst = bottlenecks(profile)[:1]
    return {
        "unit": profile.unit,
        "cycles": profile.cycles,
        "ms": round(profile.ms, 3),
        "hop_cycles": profile.hop_cycles,
        "clock_hz": profile.clock_hz,
        "stack": profile.stack,
        "macs": sum(layer.macs for layer in profile.layers),
        "layers": [
            {**vars(layer), "share": round(layer.cycles / profile.cycles, 4)}
            for layer in profile.layers
        ],
        "next": [dict(zip(("operation", "part", "share"), w, strict=True)) for w in worst],
        "hop_ms": hop,
        "load": None if hop is None else round(profile.ms_a_hop / hop, 4),
        "margin": None if hop is None else round(1 - profile.ms_a_hop / hop, 4),
    }


def whole_app(
    image: Path,
    model_hash: str,
    board: str,
    window_ms: float,
    ideal_flash: bool = False,
    gate: int = 0,
) -> dict:
    """Runs the inference app on noise, for one window and three seconds.

    A model with a gate then hears three seconds of silence, behind which network and front end
    rest as far as they can.

    Args:
        image: The UF2 file of the app.
        model_hash: model_hash() of its network.
        board: Id of the board.
        window_ms: Length of the network's window.
        ideal_flash: Flash answers at once.
        gate: Level that opens the model's gate; 0: it has none.

    Returns:
        Means of a hop and the number of overruns; "resting_cpu" is the load in silence, if there
        was any.
    """
    from otolith.firmware.hear import through_virtual_microphone

    noise = np.random.default_rng(1).normal(
        0, max(3000, 2 * gate), round((window_ms / 1000 + 3) * RATE)
    )
    silence = np.zeros(3 * RATE if gate else 0)
    pcm = np.concatenate([noise, silence]).clip(-32768, 32767).astype(np.int16)
    heard = through_virtual_microphone(
        image, pcm, model_hash, scores=False, board=board, ideal_flash=ideal_flash
    )
    stats = heard.stats
    resting = [s["cpu"] for s in stats if not s.get("duty", 1)][-2:] if gate else []
    full = [s for s in stats if s["infer_us"]][1:]  # the first second was not all listening
    full = full[:-1] if gate else full  # silence began in the last one
    if not full:
        raise UserError("the app did not run the network for two whole seconds: it is too slow")
    means = {
        f"{name}_ms": round(float(np.mean([s[f"{name}_us"] for s in full])) / 1000, 3)
        for name in ("pdm", "feature", "infer")
    }
    cpu = round(float(np.mean([s["cpu"] for s in full])), 4)
    duty = round(float(np.mean([s.get("duty", 1) for s in full])), 4)
    found = {**means, "cpu": cpu, "duty": duty, "overruns": stats[-1]["overruns"]}
    return found | ({"resting_cpu": round(float(np.mean(resting)), 4)} if resting else {})


def app_loads(app: dict, hop_ms: float, duty: float) -> dict[str, float]:
    """CPU load of an app as measured by whole_app().

    Args:
        app: What whole_app() gave. Without "resting_cpu", the front end is assumed to go on while
            the network rests.
        hop_ms: Milliseconds from one inference to the next.
        duty: Share of the hops in which the gate is open, 0..1.

    Returns:
        "running" in every hop, "resting" in every hop, and "mixed" after `duty`.
    """
    network = app["infer_ms"] / hop_ms
    without = max(0.0, app["cpu"] - app["duty"] * network)
    running, resting = min(1.0, without + network), app.get("resting_cpu", without)
    mixed = duty * running + (1 - duty) * resting
    return {"running": running, "resting": resting, "mixed": mixed}


def _print_parts(console: Console, profile: Profile) -> None:
    """Prints the shares of each layer."""
    rows = table("of the layer", *profile.layers[0].parts)
    for number, layer in enumerate(profile.layers):
        shares = (f"{share:.0%}" for share in layer.parts.values())
        rows.add_row(f"{number} {layer.operation}", *shares)
    console.print(rows)


@click.command("profile")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--board", default="pico", show_default=True, help="A board that runs here.")
@click.option("--app", is_flag=True, help="Also the whole app: microphone, front end, network.")
@click.option(
    "--battery",
    type=click.FloatRange(min=0, min_open=True),
    default=2500,
    show_default=True,
    help="With --app: capacity in mAh.",
)
@click.option(
    "--duty",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="With --app: share of the time in which the gate is open (`duty` of `stats`).",
)
@click.option("--ideal-flash", is_flag=True, help="Pico: flash answers at once.")
@click.option("--port", help="A real board that runs the bench app around MODEL.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def profile_command(
    model: Path,
    board: str,
    app: bool,
    battery: float,
    duty: float,
    ideal_flash: bool,
    port: str | None,
    as_json: bool,
) -> None:
    """Measure the cycles of each layer of MODEL (an int8 .tflite or its folder) on a virtual board.

    Shows the share of dot products (other layers: all arithmetic), requantisation, loads and
    stores, branches and comparisons. Boards in QEMU count instructions. Their cycles are modelled
    for a chip with the same core: nRF52840 (mps2_an386) and EFR32MG24 (mps2_an505). These stand in
    for boards with these chips, whose virtual boards take one instruction a cycle.

    On the Pico the waits for flash are modelled after its cache and serial interface. Not modelled:
    the second core, RAM bank contention. A real board has them: upload its bench app with
    OTOLITH_MODEL=MODEL pio run -e pico-bench -t upload, then give its --port.

    \b
    Examples:
        host profile models/fire_alarm --board pico --app
        host profile kws_ref.tflite --board nrf52840_dk
        host profile models/fire_alarm --port /dev/ttyACM0
    """
    from otolith.bench.cores import CORES
    from otolith.bench.link import cpu_of
    from otolith.bench.timing.engine import words
    from otolith.device import SerialTransport
    from otolith.firmware.build import build

    asked = board
    if not port and not app:
        board = runs_on(asked)
    if app and port:
        raise UserError("--app is for virtual boards: `host monitor` shows a real one's load")
    if port:
        where = f"the board at {port}"
    elif board in (core.board for core in CORES.values()) and not app:
        where = f"a virtual {named(board).name}"
    else:
        where = f"a virtual {virtual_board(board).name}"
    file = find(model)
    try:
        data = read_file(file.tflite)
        schedule = schedule_model(data, file.tflite.stem, core_named(cpu_of(board)))
        network, metadata = schedule.network, schedule.network.metadata
    except UserError as error:
        raise UserError(f"{file.tflite}: {error.message}") from error
    hop = metadata.hop_ms if metadata else None
    if app and metadata is None:
        raise UserError(f"{file.tflite}: no metadata, so no app can listen with it: leave --app")
    if port:
        with contextlib.closing(SerialTransport(port)) as transport:
            measured = measure(transport, schedule)
    else:
        firmware = build(f"{board}-bench", file.tflite)
        measured = profile_firmware(firmware, schedule, board, ideal_flash)
        measured = with_parts(measured, firmware, board, schedule)
        measured = with_times(measured, firmware, board, schedule)
    result = figures(measured, hop)
    if app and metadata:
        image = build(board, file.tflite).uf2
        window = metadata.features.hop_ms * metadata.features.frames
        gate = metadata.detect.gate
        result["app"] = whole_app(image, network.digest, board, window, ideal_flash, gate)
        if currents := currents_of(named(board).family):
            loads = app_loads(result["app"], metadata.hop_ms, duty)
            result["power"] = {
                name: asdict(power(load, currents, battery)) for name, load in loads.items()
            }
    if as_json:
        sizes = {"arena": schedule.arena, "weights": schedule.weights}
        report = {"name": network.name, "hash": network.digest, **sizes}
        click.echo(json.dumps({"board": port or board, **report, **result}))
        return
    console = Console()
    click.echo(f"{network.name} {network.digest} on {where}")
    if board != asked:
        click.echo(f"{asked} has the same core; cycles are modelled for its chip and flash")
    unit, timed = measured.unit, measured.unit == "cycles"
    chip = None if port else chip_of(board)
    more = ["ms"] if timed else ["cycles"] if chip else []
    rows = table("layer", "output", "MACs", unit, *more, "share", "a MAC")
    for number, layer in enumerate(measured.layers):
        rows.add_row(
            f"{number} {layer.operation}",
            "x".join(map(str, layer.output)),
            f"{layer.macs:,}" if layer.macs else "",
            f"{layer.cycles:,}",
            *([f"{1000 * layer.cycles / measured.clock_hz:.3f}"] if timed else []),
            *([f"{layer.modelled or 0:,}"] if chip else []),
            f"{layer.cycles / measured.cycles:.1%}",
            f"{layer.cycles / layer.macs:.1f}" if layer.macs else "",
        )
    rows.add_section()
    whole = ["whole", "", f"{result['macs']:,}", f"{measured.cycles:,}"]
    cycles = sum(layer.modelled or 0 for layer in measured.layers)
    waits = sum(layer.waits for layer in measured.layers)
    rows.add_row(*whole, *([f"{measured.ms:.3f}"] if timed else [f"{cycles:,}"] if chip else []))
    console.print(rows)
    if measured.layers and measured.layers[0].parts:
        _print_parts(console, measured)
    for operation, part, share in bottlenecks(measured)[:1]:
        click.echo(f"next bottleneck: {operation}, {part}: {share:.1%} of all {unit}")
    if chip:
        click.echo(words(chip, cycles, waits, result["macs"]))
    if not timed:
        return
    if hop is None:
        click.echo("no metadata: how often it has to run is not known")
    elif measured.ms_a_hop <= hop:
        share = measured.ms_a_hop / hop
        slid = f", {measured.ms_a_hop:.3f} ms as rows are kept" if measured.hop_cycles else ""
        click.echo(
            f"a hop of {hop:g} ms: the network takes {share:.1%}{slid}, {1 - share:.1%} are left "
            "for microphone and front end"
        )
    else:
        click.echo(
            f"too slow: {measured.ms_a_hop:.1f} ms, but a hop is {hop:g} ms: raise [deploy] "
            "hop_frames or take a smaller network"
        )
    if app:
        a = result["app"]
        click.echo(
            f"the app, a hop: microphone {a['pdm_ms']:.2f} ms, front end {a['feature_ms']:.2f} ms, "
            f"network {a['infer_ms']:.2f} ms; CPU load {a['cpu']:.1%}, margin {1 - a['cpu']:.1%}, "
            f"{a['overruns']} overruns; the network ran in {a['duty']:.0%} of the hops"
        )
    gated = "resting_cpu" in result.get("app", {})
    chain = "network and front end" if gated else "network"
    named_loads = {
        "running": "everything running",
        "resting": f"{chain} resting",
        "mixed": f"{chain} resting {1 - duty:.0%} of the time",
    }
    for name, drawn in result.get("power", {}).items():
        click.echo(
            f"power, {named_loads[name]}: CPU {drawn['load']:.1%}, {drawn['milliamperes']:.1f} mA, "
            f"{drawn['milliwatts']:.0f} mW, a battery lasts {drawn['days']:.1f} days"
        )
    for assumption in result.get("power", {}).get("running", {}).get("assumptions", ()):
        click.echo(f"  assumed: {assumption}")
