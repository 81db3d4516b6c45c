"""Runs a network on this computer: the compiled engine's C, loaded as a library."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from otolith.compile import compile_graph
from otolith.compile.cores import PORTABLE
from otolith.compile.graph import Tensor, Values
from otolith.errors import UserError
from otolith.files import make_folder, write_text
from otolith.native import library
from otolith.native.sources import Sources, lib
from otolith.paths import NATIVE

HEADERS = ("nn.h",)


def generated(files: dict[str, str], digest: str) -> Sources:
    """Writes generated C below paths.NATIVE, in a folder named after the model.

    Args:
        files: Text by file name.
        digest: Names the model and how it was compiled.
    """
    folder = NATIVE / f"model-{digest}"
    make_folder(folder)
    written = []
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            write_text(path, text)
        written.append(path)
    return Sources(tuple(written))


class HostModel:
    """A network that runs on this computer. Its results are those of the chip, bit for bit.

    Args:
        data: Bytes of an int8 .tflite.
        flags: Options of the C compiler.
        core: The core whose kernels are used.
        hop: As for compile_graph().

    Raises:
        UserError: The file can't be compiled.
    """

    def __init__(
        self,
        data: bytes,
        flags: tuple[str, ...] = ("-O2",),
        core: str = PORTABLE,
        hop: int | None = None,
    ) -> None:
        self.compiled = compile_graph(data, "model", core, hop=hop)
        self.network = self.compiled.schedule.network
        model = {"model.c": self.compiled.files["model.c"]}
        name = f"{self.network.digest}-{core}"
        name += "" if hop is None else f"-{hop}"
        kernels = lib("nn")
        sources = kernels + generated(model, name)
        self._flags = flags
        # Only the network is compiled anew: compiling all kernels takes seconds.
        self._ffi, self._lib = library(
            f"nn-{name}", sources.files, HEADERS, sources.include, flags, shared=kernels.files
        )
        self._lib.nn_init()

    @cached_property
    def input_shapes(self) -> list[tuple[int, ...]]:
        """The shape of each input."""
        return [tensor.shape for tensor in self.network.inputs]

    def invoke(self, *inputs: Values) -> Values:
        """Runs the network and returns its first output.

        Args:
            inputs: int8, or float32, which is quantised as TFLM's QUANTIZE does it.

        Returns:
            int8, or uint8 or float32 if the file's output has that type.
        """
        return self.invoke_all(*inputs)[0]

    def reset(self) -> None:
        """Forgets what the network remembers of earlier inputs."""
        self._lib.nn_reset()

    def slide(self, rows: int, *inputs: Values) -> Values:
        """As invoke(), for the last input moved up by `rows` rows with new ones at its end."""
        return self.invoke_all(*inputs, slid=rows)[0]

    def invoke_all(self, *inputs: Values, slid: int = 0) -> list[Values]:
        """As invoke(), but returns every output.

        Args:
            inputs: As for invoke().
            slid: Rows by which the window has moved since the last call; 0 if it is a new one.
        """
        tensors = self.network.inputs
        if len(inputs) != len(tensors):
            raise UserError(f"the network takes {len(tensors)} inputs, not {len(inputs)}")
        for number, (value, tensor) in enumerate(zip(inputs, tensors, strict=True)):
            q = to_int8(np.asarray(value), tensor, number)
            self._ffi.memmove(self._lib.nn_input(number), q.tobytes(), q.size)
        if self._lib.nn_slide(slid) if slid else self._lib.nn_invoke():
            raise UserError("the network refused to run")
        results: list[Values] = []
        for number, tensor in enumerate(self.network.outputs):
            raw = self._ffi.buffer(self._lib.nn_output(number), tensor.count)
            q = np.frombuffer(raw, np.int8).reshape(tensor.shape).copy()
            results.append(as_in_file(q, tensor, self.network.edge_type(number)))
        return results


def to_int8(value: Values, tensor: Tensor, number: int = 0) -> npt.NDArray[np.int8]:
    """Quantises an input as TFLM's QUANTIZE does; int8 stays as it is.

    Args:
        value: int8 or float32, of as many elements as `tensor`.
        tensor: The network's input.
        number: Its number, for messages.

    Raises:
        UserError: The shape or type is wrong.
    """
    if value.size != tensor.count:
        raise UserError(
            f"input {number} has shape {list(value.shape)}, the network takes {list(tensor.shape)}"
        )
    if value.dtype == np.uint8:  # the compiled network takes the int8 that is 128 less
        return (value.astype(np.int16) - 128).astype(np.int8)
    if value.dtype == np.int8:
        return np.ascontiguousarray(value)
    if value.dtype not in (np.float32, np.float64):
        raise UserError(f"input {number} is {value.dtype}: give int8, uint8 or float32")
    ratio = (value.astype(np.float32) / np.float32(tensor.scale)).astype(np.float64)
    rounded = np.floor(np.abs(ratio) + 0.5) * np.sign(ratio) + tensor.zero_point
    clipped: npt.NDArray[np.int8] = np.clip(rounded, -128, 127).astype(np.int8)
    return clipped


def as_in_file(q: npt.NDArray[np.int8], tensor: Tensor, dtype: str) -> Values:
    """An output in the type that it has in the file.

    Args:
        q: The output of the compiled network.
        tensor: Its tensor there.
        dtype: Its type in the file: int8, uint8 or float32.
    """
    if dtype == "float32":
        return dequantize(q, tensor)
    return (q.astype(np.int16) + 128).astype(np.uint8) if dtype == "uint8" else q


def dequantize(q: Values, tensor: Tensor) -> npt.NDArray[np.float32]:
    """int8 to float32, as TFLM's DEQUANTIZE does it."""
    return (np.float32(tensor.scale) * (q.astype(np.int32) - tensor.zero_point)).astype(np.float32)
