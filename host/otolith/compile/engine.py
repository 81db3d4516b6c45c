"""A network on this computer: the compiled engine's own C, as a library."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np

from otolith.compile import compile_graph
from otolith.compile.cores import PORTABLE
from otolith.errors import UserError
from otolith.native import library
from otolith.native.sources import Sources, lib
from otolith.paths import NATIVE

CDEF = """
int nn_init(void);
int8_t *nn_input(int i);
int nn_invoke(void);
int nn_slide(uint32_t rows);
const int8_t *nn_output(int i);
"""


def generated(files: dict[str, str], digest: str) -> Sources:
    """Write generated C below paths.NATIVE, named by model, so that it can be compiled."""
    folder = NATIVE / f"model-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False) as f:
                f.write(text)
            Path(f.name).replace(path)
        written.append(path)
    return Sources(tuple(written))


class HostModel:
    """invoke() runs the network; int8 in and out, or float32 where the file has float edges."""

    def __init__(
        self,
        data: bytes,
        flags: tuple[str, ...] = ("-O2",),
        core: str = PORTABLE,
        hop: int | None = None,
    ) -> None:
        self.compiled = compile_graph(data, "model", core, hop=hop)
        model = {"model.c": self.compiled.files["model.c"]}
        name = f"{self.compiled.report['hash']}-{core}"
        name += "" if hop is None else f"-{hop}"
        sources = lib("nn") + generated(model, name)
        self._flags = flags
        self._ffi, self._lib = library(f"nn-{name}", sources.files, CDEF, sources.include, flags)
        self._lib.nn_init()

    @cached_property
    def input_shapes(self) -> list[tuple[int, ...]]:
        return [tuple(edge["shape"]) for edge in self.compiled.report["inputs"]]

    def invoke(self, *inputs: np.ndarray) -> np.ndarray:
        """One inference; the first output. Float inputs are quantised as TFLM's QUANTIZE does,
        and the output is float32 if the file's output is."""
        return self.invoke_all(*inputs)[0]

    def slide(self, rows: int, *inputs: np.ndarray) -> np.ndarray:
        """As invoke(), of the last input moved up by `rows` rows with new ones at its end."""
        return self.invoke_all(*inputs, slid=rows)[0]

    def invoke_all(self, *inputs: np.ndarray, slid: int = 0) -> list[np.ndarray]:
        """One inference; every output. slid: rows the window slid by, 0 if it did not."""
        edges = self.compiled.report["inputs"]
        if len(inputs) != len(edges):
            raise UserError(f"the network takes {len(edges)} inputs, not {len(inputs)}")
        for number, (value, edge) in enumerate(zip(inputs, edges, strict=True)):
            q = to_int8(np.asarray(value), edge, number)
            self._ffi.memmove(self._lib.nn_input(number), q.tobytes(), q.size)
        if self._lib.nn_slide(slid) if slid else self._lib.nn_invoke():
            raise UserError("the network refused to run")
        results = []
        for number, edge in enumerate(self.compiled.report["outputs"]):
            count = int(np.prod(edge["shape"]))
            raw = self._ffi.buffer(self._lib.nn_output(number), count)
            q = np.frombuffer(raw, np.int8).reshape(edge["shape"]).copy()
            original = self.compiled.original
            is_float = original.tensors[original.outputs[number]].dtype == "float32"
            results.append(dequantize(q, edge) if is_float else q)
        return results


def to_int8(value: np.ndarray, edge: dict, number: int = 0) -> np.ndarray:
    """An input as the network's int8, or a UserError about its shape or type."""
    if value.size != np.prod(edge["shape"]):
        raise UserError(
            f"input {number} has shape {list(value.shape)}, the network takes {edge['shape']}"
        )
    if value.dtype == np.int8:
        return np.ascontiguousarray(value)
    if value.dtype not in (np.float32, np.float64):
        raise UserError(f"input {number} is {value.dtype}: give int8 or float32")
    ratio = (value.astype(np.float32) / np.float32(edge["scale"])).astype(np.float64)
    rounded = np.floor(np.abs(ratio) + 0.5) * np.sign(ratio) + edge["zero_point"]
    return np.clip(rounded, -128, 127).astype(np.int8)


def dequantize(q: np.ndarray, edge: dict) -> np.ndarray:
    """int8 -> float32, as TFLM's DEQUANTIZE."""
    return (np.float32(edge["scale"]) * (q.astype(np.int32) - edge["zero_point"])).astype(
        np.float32
    )
