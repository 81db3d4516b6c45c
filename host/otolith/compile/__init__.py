"""The compiler: an int8 .tflite becomes C, with every shape, place and multiplier worked out."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from otolith.compile import tflm
from otolith.compile.cores import PORTABLE, choose_kernels
from otolith.compile.emit import emit
from otolith.compile.graph import Alias, Graph, Step
from otolith.compile.graph_edges import strip
from otolith.compile.metadata import read_metadata
from otolith.compile.ops import lower
from otolith.compile.pipeline import labels_of, pipeline_source, streamed_hop
from otolith.compile.plan import Plan, plan
from otolith.compile.read import read
from otolith.compile.stream import WORTH, Stream, stream
from otolith.errors import UserError
from otolith.files import write_text


@dataclass(frozen=True)
class Compiled:
    """A network in C, and what is worth knowing about it."""

    files: dict[str, str]  # name -> text: model.c, pipeline.c if the model has metadata
    report: dict
    graph: Graph  # int8 core
    original: Graph  # as in the file, with float edges
    plan: Plan
    steps: list[Step | Alias]  # on portable kernels
    stream: Stream | None  # on portable kernels; None: every invocation is a full pass


def model_hash(data: bytes) -> str:
    """What a board says in `hello`: the first 16 hex digits of the file's SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


def _name(file: str, metadata: dict | None) -> str:
    """The network's own name, else made of its file's."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", file)[:40] or "model"
    name = (metadata or {}).get("name", name)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name):
        raise UserError(f"model name {str(name)[:40]!r}: letters, digits, . _ - only, up to 40")
    return name


def compile_graph(
    data: bytes, name: str, core: str = PORTABLE, optimize: str = "speed", hop: int | None = None
) -> Compiled:
    """Compile a .tflite file in memory for a core (otolith.compile.cores). UserError.

    optimize: "speed" lets packed weights grow where that is faster, "size" does not. hop: rows by
    which the network's window slides (otolith.compile.stream), 0: no window; None: as the model's
    metadata has it, if that is worth its RAM.
    """
    original = read(data)
    graph = strip(original)
    lowered = [lower(graph, op) for op in graph.operations]
    metadata = read_metadata(data)
    labels = labels_of(metadata)
    pipeline = {"pipeline.c": pipeline_source(metadata, graph)} if metadata is not None else {}
    streaming = _streaming(graph, lowered, metadata, hop)
    steps = choose_kernels(graph, streaming.full if streaming else lowered, core, optimize)
    placed = plan(graph, steps)
    slide, slide_plan = None, None
    if streaming and streaming.kept:
        slide = choose_kernels(graph, streaming.slide, core, optimize)
        slide_plan = plan(graph, slide)
    for index in graph.outputs:
        if placed.place[index][0] != "arena":
            raise UserError("an output is an input under another name: the network does nothing")
    digest = model_hash(data)
    name = _name(name, metadata)
    emitted = [(steps, placed), *([(slide, slide_plan)] if slide and slide_plan else [])]
    text, weights = emit(graph, emitted, streaming, name, digest, labels)
    arena = max(p.arena for _, p in emitted) + (streaming.kept if streaming else 0)
    report = {
        "name": name,
        "hash": digest,
        "labels": labels,
        "core": core,
        "optimize": optimize,
        "arena": arena,
        "weights": weights,
        "weights_in_file": sum(t.data.nbytes for t in graph.tensors if t.data is not None),
        "macs": sum(s.macs for s in steps if isinstance(s, Step)),
        "inputs": [_edge(graph, i) for i in graph.inputs],
        "outputs": [_edge(graph, i) for i in graph.outputs],
        "operations": [
            {
                "name": s.operation,
                "kernel": s.kernel,
                "inputs": [list(graph.tensors[i].shape) for i in s.inputs],
                "output": list(graph.tensors[s.output].shape),
                "macs": s.macs,
            }
            for s in steps
            if isinstance(s, Step)
        ],
        "stream": streaming.figures() if streaming else None,
    }
    return Compiled(
        {"model.c": text, **pipeline}, report, graph, original, placed, lowered, streaming
    )


def _streaming(
    graph: Graph, steps: list[Step | Alias], metadata: dict | None, hop: int | None
) -> Stream | None:
    """How the window slides, if it does: by `hop` rows, or as the metadata has it where that is
    worth its RAM."""
    if hop == 0 or (hop is None and metadata is None):
        return None
    if metadata is None:
        return stream(graph, steps, hop or 0, None)
    frames, listens = metadata["features"]["frames"], streamed_hop(metadata)
    if hop is None:
        try:
            found = stream(graph, steps, listens, frames)
        except UserError:
            return None  # no hop, one as long as the window, or rows that are no frames
        return found if found.effort <= WORTH else None
    if metadata["features"]["compress"] == "dynamic":
        raise UserError('compress = "dynamic" scales each window anew: no row outlasts a hop')
    return stream(graph, steps, hop, frames)


def _edge(graph: Graph, index: int) -> dict:
    t = graph.tensors[index]
    return {"shape": list(t.shape), "scale": float(t.scale), "zero_point": t.zero_point}


def compile_for_tflm(data: bytes, name: str) -> tuple[dict[str, str], dict]:
    """({file: text}, report) of a .tflite file for the tflm engine; UserError if it can't be. The
    arena is not in the report: it is measured when the image is linked."""
    metadata = read_metadata(data)
    labels, digest, name = labels_of(metadata), model_hash(data), _name(name, metadata)
    graph = strip(read(data, outline=True))
    files, report = tflm.generate(data, name, digest, labels)
    if metadata is not None:
        files["pipeline.c"] = pipeline_source(metadata, graph)
    return files, {
        "name": name,
        "hash": digest,
        "labels": labels,
        **report,
        "inputs": [_edge(graph, i) for i in graph.inputs],
        "outputs": [_edge(graph, i) for i in graph.outputs],
    }


def compile_model(
    data: bytes,
    out: Path,
    name: str,
    core: str = PORTABLE,
    optimize: str = "speed",
    hop: int | None = None,
    engine: str = "compiled",
) -> dict:
    """Compile into folder `out`: model.c, report.json and, with metadata, pipeline.c; for the tflm
    engine network.h and resolver.cpp too.

    Nothing is touched unless the whole model compiles. Returns the report.
    """
    if engine == "tflm":
        files, report = compile_for_tflm(data, name)
    else:
        compiled = compile_graph(data, name, core, optimize, hop)
        files, report = compiled.files, compiled.report
    out.mkdir(parents=True, exist_ok=True)
    for file in {"pipeline.c", "network.h", "resolver.cpp"} - set(files):
        (out / file).unlink(missing_ok=True)
    for file, text in files.items():
        if not (out / file).exists() or (out / file).read_text() != text:
            write_text(out / file, text)
    write_text(out / "report.json", json.dumps(report, indent=2) + "\n")
    return report


def read_file(path: Path) -> bytes:
    """The bytes of a model file, or a UserError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
