"""First stage of the compiler: reads a .tflite file and the metadata in it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from otolith.compile.fold import fold
from otolith.compile.graph import Graph, Tensor
from otolith.compile.graph_edges import strip
from otolith.compile.metadata import read_metadata
from otolith.compile.ops import expand
from otolith.compile.tflite import read_graph
from otolith.settings.metadata import Metadata


@dataclass(frozen=True)
class Network:
    """A network as its file describes it.

    Attributes:
        name: The name in its metadata, else one made of the file's name.
        digest: model_hash() of the file.
        metadata: Its Otolith metadata; None without any.
        labels: Names of its classes; empty without metadata.
        original: The graph in the file, with float inputs and outputs if it has them.
        graph: The int8 part of it, which runs on the chip.
    """

    name: str
    digest: str
    metadata: Metadata | None
    labels: tuple[str, ...]
    original: Graph
    graph: Graph

    @property
    def inputs(self) -> list[Tensor]:
        """The int8 input tensors."""
        return [self.graph.tensors[i] for i in self.graph.inputs]

    @property
    def outputs(self) -> list[Tensor]:
        """The int8 output tensors."""
        return [self.graph.tensors[i] for i in self.graph.outputs]

    def edge_type(self, output: int) -> str:
        """The type of output number `output` in the file."""
        return self.original.tensors[self.original.outputs[output]].dtype

    def is_float(self, output: int) -> bool:
        """Whether output number `output` of the file is float32."""
        return self.edge_type(output) == "float32"


def model_hash(data: bytes) -> str:
    """The first 16 hex digits of a file's SHA-256. A board tells it in its `hello` line."""
    return hashlib.sha256(data).hexdigest()[:16]


def read(data: bytes, name: str, outline: bool = False) -> Network:
    """Reads a .tflite file.

    Args:
        data: The file's bytes.
        name: The file's name without suffix, used if its metadata has no name.
        outline: True for an engine that interprets the file itself (tflite.read_graph).

    Raises:
        UserError: The file or its metadata can't be used; says what is wrong and where.
    """
    original = read_graph(data, outline)
    graph = strip(original)
    graph = graph if outline else expand(fold(graph))
    metadata = read_metadata(data)
    labels = () if metadata is None else metadata.classes
    return Network(_name(name, metadata), model_hash(data), metadata, labels, original, graph)


def _name(file: str, metadata: Metadata | None) -> str:
    """The network's own name, else one made of its file's. It is printable and has no spaces."""
    if metadata is not None and metadata.name:
        return metadata.name
    return re.sub(r"[^A-Za-z0-9_.-]", "_", file)[:40] or "model"
