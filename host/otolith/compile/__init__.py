"""The compiler: turns an int8 .tflite into C with all shapes, addresses and multipliers fixed.

Four stages, each with its own result:

    read      the file's bytes     -> Network    graph, metadata
    analyse   Network              -> Analysis   kernel calls, rows that a hop leaves unchanged
    schedule  Analysis and a core  -> Schedule   the core's kernels, packed weights, the arena
    emit      Schedule             -> text of model.c and pipeline.c

Estimates of time need an Analysis, estimates of size a Schedule: neither writes any C.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# The stages under other names: otolith.compile.read and the others are modules.
from otolith.compile.analyse import Analysis
from otolith.compile.analyse import analyse as _analyse
from otolith.compile.cores import PORTABLE
from otolith.compile.emit import emit as _emit
from otolith.compile.read import Network, model_hash
from otolith.compile.read import read as _read
from otolith.compile.schedule import Schedule
from otolith.compile.schedule import schedule as _schedule
from otolith.errors import UserError

__all__ = [
    "Analysis",
    "Compiled",
    "Network",
    "Schedule",
    "analyse_model",
    "compile_graph",
    "model_hash",
    "read_file",
    "schedule_model",
]


@dataclass(frozen=True)
class Compiled:
    """A network in C.

    Attributes:
        schedule: What the C does, and its sizes.
        files: Text by file name: model.c and, for a network with metadata, pipeline.c.
    """

    schedule: Schedule
    files: dict[str, str]


def analyse_model(data: bytes, name: str, hop: int | None = None) -> Analysis:
    """Reads and analyses a .tflite file in memory. Args and errors as for compile_graph()."""
    return _analyse(_read(data, name), hop)


def schedule_model(
    data: bytes,
    name: str,
    core: str = PORTABLE,
    optimize: str = "speed",
    hop: int | None = None,
    room: int | None = None,
) -> Schedule:
    """All stages except the last. Args and errors as for compile_graph() and schedule()."""
    return _schedule(analyse_model(data, name, hop), core, optimize, room)


def compile_graph(
    data: bytes, name: str, core: str = PORTABLE, optimize: str = "speed", hop: int | None = None
) -> Compiled:
    """Compiles a .tflite file in memory.

    Args:
        data: The file's bytes.
        name: The network's name, if its metadata has none.
        core: The core whose kernels are used, a key of cores.CORES.
        optimize: "speed" lets packed weights be larger than the file's where that is faster;
            "size" does not.
        hop: Rows by which the window moves from one inference to the next (stream.py). 0: every
            window is computed whole. None: the hop in the metadata, if keeping rows saves enough.

    Raises:
        UserError: The file can't be compiled; says what is wrong and where.
    """
    planned = schedule_model(data, name, core, optimize, hop)
    return Compiled(planned, _emit(planned))


def read_file(path: Path) -> bytes:
    """The bytes of a model file. Raises UserError if it can't be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
