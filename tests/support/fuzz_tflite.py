"""Mutates .tflite files and compiles them, in a separate process.

    python -m support.fuzz_tflite COUNT SEED FOLDER [memory]

Writes the accepted files to FOLDER and the statistics to FOLDER/result.json. Mutations change the
numbers that the compiler reads: offsets, lengths, shapes, scales, options, metadata.
"""

from __future__ import annotations

import json
import random
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from unittest import mock

import numpy as np

from otolith import paths
from otolith.compile import Compiled, compile_graph
from otolith.compile.cores import CORES, OPTIMIZE
from otolith.compile.flatbuffer import Buffer, Table
from otolith.compile.tflm import compile_for_tflm
from otolith.errors import UserError
from support import small_models, tiny_model
from support.front_ends import with_metadata
from support.memory import peak_bytes
from support.memory_models import remembering
from support.skips import stateful_model

HANG_S = 5  # CPU time, so that a busy machine makes no difference
MOST_BYTES = 1 << 30
LONGEST = 400  # characters in a message
# Limits of integer types, and float32 patterns: NaN and both infinities.
SPECIAL = [0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 1 << 20, 1 << 24]
SPECIAL += [0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF, 0x7FC00000, 0x7F800000, 0xFF800000]

Place = tuple[int, int]  # offset and size of a number that the compiler reads


@dataclass
class Result:
    """Statistics of a run. Files are named by number."""

    models: int = 0
    refused: int = 0
    messages: int = 0  # distinct messages
    accepted: dict[str, list[str]] = field(default_factory=dict)  # file -> arguments
    accepted_tflm: int = 0
    tracebacks: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    bad_messages: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    most_bytes: int = 0
    by_operation: dict[str, int] = field(default_factory=dict)


class HangError(BaseException):
    """A model took more than HANG_S seconds of CPU time."""


def seeds() -> list[bytes]:
    """The shared networks, and small networks with metadata."""
    files = [path.read_bytes() for path in sorted(paths.test_models().glob("*.tflite"))]
    files += [small_models.loudness(), small_models.sliding(), small_models.sums()]
    files += [with_metadata(tiny_model.network(), tiny_model.METADATA)]
    return files


def seeds_with_a_memory() -> list[bytes]:
    """microWakeWord's networks, and small ones of every kind of memory."""
    small = [remembering(np.random.default_rng([5, i]), i).build() for i in range(18)]
    return [stateful_model("okay_nabu").read_bytes(), stateful_model("alexa").read_bytes(), *small]


def places(data: bytes) -> list[Place]:
    """Locations of the numbers that the compiler reads, and of some bytes of the metadata."""
    found: set[Place] = set()
    unpack, vector = Buffer.unpack, Table._vector

    def recorded(self: Buffer, code: str, offset: int) -> object:
        found.add((offset, struct.calcsize("<" + code)))
        return unpack(self, code, offset)

    def recorded_vector(self: Table, number: int, item: int) -> tuple[int, int]:
        start, count = vector(self, number, item)
        size = min(item, 8)
        found.update((start + item * i, size) for i in range(min(count, 32)))
        return start, count

    with (
        mock.patch.object(Buffer, "unpack", recorded),
        mock.patch.object(Table, "_vector", recorded_vector),
    ):
        compile_graph(data, "seed")
    at = data.find(b'"classes"')
    if at >= 0:
        found.update((i, 1) for i in range(at, min(len(data), at + 1500)))
    return sorted(place for place in found if place[0] >= 0 and sum(place) <= len(data))


def mutated(random_: random.Random, data: bytes, numbers: list[Place]) -> bytes:
    """A damaged copy: truncated, with random bits flipped, or with some numbers changed."""
    kind = random_.random()
    if kind < 0.08:
        return data[: random_.randrange(len(data))]
    bad = bytearray(data)
    for _ in range(random_.choice([1, 1, 1, 2, 3, 5, 10, 30])):
        if kind < 0.25:
            bad[random_.randrange(len(bad))] ^= 1 << random_.randrange(8)
            continue
        at, size = random_.choice(numbers)
        how = random_.random()
        number = int.from_bytes(bad[at : at + size], "little")
        if how < 0.25:
            number ^= 1 << random_.randrange(8 * size)
        elif how < 0.6:
            number = random_.choice(SPECIAL)
        elif how < 0.8:
            other, other_size = random_.choice(numbers)
            number = int.from_bytes(data[other : other + min(size, other_size)], "little")
        else:
            number += random_.choice([-16, -4, -1, 1, 4, 16])
        bad[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, "little")
    return bytes(bad)


def damaged_memories(count: int) -> list[Compiled]:
    """Mutated networks with a memory that compile, small ones."""
    random_, compiled = random.Random(3), []
    files = [remembering(np.random.default_rng([6, i]), i).build() for i in range(6)]
    numbers = [places(data) for data in files]
    for which in [n % len(files) for n in range(40 * count)]:
        try:
            one = compile_graph(mutated(random_, files[which], numbers[which]), "m")
        except UserError:
            continue
        if one.schedule.macs < 1 << 18 and one.schedule.arena < 1 << 16:
            compiled.append(one)
        if len(compiled) == count:
            break
    return compiled


def _stop(signum: int, frame: FrameType | None) -> None:
    raise HangError


def fuzz(count: int, seed: int, folder: Path, memory: bool = False) -> Result:
    """Compile `count` mutated models for random cores, engines and hops."""
    random_ = random.Random(seed)
    files = seeds_with_a_memory() if memory else seeds()
    numbers = [places(data) for data in files]
    result, messages, where = Result(), set(), Counter[str]()
    signal.signal(signal.SIGPROF, _stop)
    for number in range(count):
        which = random_.randrange(len(files))
        data = mutated(random_, files[which], numbers[which])
        core, optimize = random_.choice(list(CORES)), random_.choice(OPTIMIZE)
        hop = random_.choice([None, None, None, 0, 1, 2, 5])
        tflm = random_.random() < 0.2
        result.models += 1
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, HANG_S)
        try:
            if tflm:
                compile_for_tflm(data, "m")
                result.accepted_tflm += 1
            else:
                compile_graph(data, "m", core, optimize, hop)
                name = f"{number}.tflite"
                (folder / name).write_bytes(data)
                result.accepted[name] = [core, optimize, json.dumps(hop)]
        except UserError as error:
            result.refused += 1
            messages.add(error.message)
            where[error.message.split(":")[0].split("(")[0].rstrip(" 0123456789")] += 1
            if not error.message.isprintable() or len(error.message) > LONGEST:
                result.bad_messages.append(f"{number}: {error.message[:LONGEST]!r}")
        except HangError:
            result.hangs.append(f"{number}: {core}, {optimize}, {hop}")
        except Exception:
            result.tracebacks.append(f"{number}: {traceback.format_exc()}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        result.slowest_s = max(result.slowest_s, time.process_time() - start)
    result.messages = len(messages)
    result.most_bytes = peak_bytes()
    result.by_operation = dict(where.most_common(20))
    return result


if __name__ == "__main__":
    target = Path(sys.argv[3])
    found = fuzz(int(sys.argv[1]), int(sys.argv[2]), target, "memory" in sys.argv[4:])
    (target / "result.json").write_text(json.dumps(asdict(found), indent=1))
