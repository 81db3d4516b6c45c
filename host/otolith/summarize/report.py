"""What `host compile` tells about a network: report.json, and the tables on the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from otolith.compile import Schedule
from otolith.compile.cores import OPTIMIZE, PORTABLE, choose_kernels
from otolith.compile.graph import Step, Tensor
from otolith.compile.packing import Value
from otolith.compile.schedule import constant_bytes
from otolith.compile.several import MOST, Several
from otolith.compile.stream import Stream
from otolith.compile.tflm import TflmNetwork
from otolith.files import make_folder, write_text

GENERATED = {"model.c", "pipeline.c", "network.h", "resolver.cpp"}
GENERATED |= {f"model_{number}.c" for number in range(MOST)}


def compiled_report(schedule: Schedule) -> dict[str, Any]:
    """report.json of the compiled engine. Sizes are bytes."""
    network, graph = schedule.network, schedule.graph
    constants = [t.data for t in graph.tensors if t.data is not None]
    return {
        "name": network.name,
        "hash": network.digest,
        "labels": list(network.labels),
        "core": schedule.core,
        "optimize": schedule.optimize,
        "arena": schedule.arena,
        "weights": schedule.weights,
        "weights_in_file": sum(values.nbytes for values in constants),
        "macs": schedule.macs,
        "inputs": [edge(t) for t in network.inputs],
        "outputs": [edge(t) for t in network.outputs],
        "operations": [
            {
                "name": step.operation,
                "kernel": step.kernel,
                "inputs": [list(graph.tensors[i].shape) for i in step.inputs],
                "output": list(graph.tensors[step.output].shape),
                "macs": step.macs,
            }
            for step in schedule.calls
        ],
        "stream": stream_report(schedule.stream) if schedule.stream else None,
    }


def several_report(compiled: Several) -> dict[str, Any]:
    """report.json of networks that listen together. Sizes are bytes."""
    return {"models": [compiled_report(schedule) for schedule in compiled.schedules]}


def several_line(report: dict[str, Any], out: Path) -> str:
    """What networks that listen together need, for the terminal."""
    parts = [
        f"{one['name']} {one['hash']}: arena {one['arena']:,} bytes, weights "
        f"{one['weights']:,} bytes, {one['macs']:,} MACs"
        for one in report["models"]
    ]
    return "\n".join([*parts, f"C in {out}"])


def stream_report(stream: Stream) -> dict[str, Any]:
    """What a hop costs, and what is kept for it."""
    return {
        "hop": stream.hop,
        "macs": stream.macs,
        "kept": stream.kept,
        "history": stream.history,
        "operations": [vars(layer) for layer in stream.layers],
    }


def tflm_report(compiled: TflmNetwork) -> dict[str, Any]:
    """report.json of the tflm engine. The arena is not in it: linking the image measures it."""
    network = compiled.network
    tensors = network.graph.tensors
    return {
        "name": network.name,
        "hash": network.digest,
        "labels": list(network.labels),
        "engine": "tflm",
        "weights": compiled.size,
        "macs": compiled.macs,
        "resolver": list(compiled.resolver),
        "stream": None,
        "operations": [
            {
                "name": op.name,
                "inputs": [list(tensors[i].shape) for i in op.inputs if i >= 0],
                "output": list(tensors[op.outputs[0]].shape),
                "macs": count,
            }
            for op, count in compiled.operations
        ],
        "inputs": [edge(t) for t in network.inputs],
        "outputs": [edge(t) for t in network.outputs],
    }


def edge(tensor: Tensor) -> dict[str, Any]:
    """An input or output of a network: its shape and quantisation."""
    return {
        "shape": list(tensor.shape),
        "scale": float(tensor.scale),
        "zero_point": tensor.zero_point,
    }


def write(out: Path, files: dict[str, str], report: dict[str, Any]) -> None:
    """Writes generated files and report.json into folder `out`.

    Files that did not change keep their time stamps, so nothing is built again. Files of another
    engine are removed.
    """
    make_folder(out)
    for file in GENERATED - set(files):
        (out / file).unlink(missing_ok=True)
    for file, text in files.items():
        if not (out / file).exists() or (out / file).read_text() != text:
            write_text(out / file, text)
    write_text(out / "report.json", json.dumps(report, indent=2) + "\n")


def packed(report: dict[str, Any]) -> str:
    """How packing changed the size of the weights; empty if nothing is packed."""
    given = report.get("weights_in_file")
    if not given or report["core"] == PORTABLE:
        return ""
    return f" ({given:,} in the file, packed for {report['optimize']})"


def left_small(schedule: Schedule, value: Value) -> list[str]:
    """What the layers that flash has no room to pack for speed cost and would save, a line each."""
    if not schedule.plain:
        return []
    graph, steps = schedule.graph, schedule.analysis.calls
    fast = choose_kernels(graph, steps, schedule.core, OPTIMIZE[0])
    found, calls = [], schedule.calls
    for number, (step, quick, small) in enumerate(zip(steps, fast, calls, strict=True)):
        if step.output in schedule.plain and isinstance(quick, Step):
            more = constant_bytes(graph, [[quick]]) - constant_bytes(graph, [[small]])
            found.append(
                f"  layer {number} {step.operation}: {more:,} bytes more would save about "
                f"{value(step, quick, small):,.0f} cycles"
            )
    return [f"flash has no room to pack {len(found)} of {len(calls)} layers for speed:", *found]


def layers(report: dict[str, Any]) -> Table:
    """The operations; with kept rows, also what a hop computes of each."""
    table = Table("operation", "output", "MACs")
    hops = report["stream"]["operations"] if report["stream"] else []
    for column in ("a hop", "rows", "kept", "from hops ago") if hops else ():
        table.add_column(column)
    for number, step in enumerate(report["operations"]):
        cells = [step["name"], "x".join(map(str, step["output"])), f"{step['macs']:,}"]
        if hops:
            hop = hops[number]
            cells += [f"{hop['macs']:,}", f"{hop['computed']} of {hop['rows']}"]
            cells += [f"{hop['kept']:,}", str(hop["phases"])] if hop["kept"] else []
        table.add_row(*cells)
    return table


def saving(report: dict[str, Any]) -> str:
    """What a hop saves, in a line."""
    hop = report["stream"]
    if not hop["kept"]:
        return f"no row outlasts a hop of {hop['hop']} frames: every hop is a full pass"
    part = f"{hop['macs'] / report['macs']:.1%} of" if report["macs"] else "of"
    first = f"the first {hop['history']} hops are" if hop["history"] > 1 else "the first hop is"
    return (
        f"a hop of {hop['hop']} frames: {hop['macs']:,} MACs, {part} the full pass; "
        f"{hop['kept']:,} bytes of the arena keep rows; {first} computed whole"
    )
