"""Constants that are fetched into RAM piece by piece while the core computes (pieces.h).

Buffers are working memory. They must not make the arena larger than ROOM, or than it is without
them: fitted() takes them away from layers where they would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from otolith.compile.graph import Graph, Program, Step
from otolith.compile.plan import Plan

CACHED = 12 << 10  # most bytes of constants that stay in the RP2040's cache of flash
LEAST = 512  # bytes of a layer's constants that are worth it
PIECE = 2 << 10  # about so many bytes are fetched together, if the kernel has no other wish
ROOM = 56 << 10  # bytes of an arena that buffers may fill
ALIGNMENT = 16
NONE = {"words": 0, "at": 0}


def worth(step: Step, graph: Graph, size: int) -> bool:
    """Whether fetching `size` bytes of a layer's constants saves time.

    A network whose constants stay in the cache does not wait for them. An input in flash can't be
    read during a fetch.
    """
    constants = sum(t.bytes for t in graph.tensors if t.data is not None)
    in_ram = graph.tensors[step.inputs[0]].data is None
    return constants > CACHED // 2 and size >= LEAST and in_ram


def fetching(step: Step, words: int, piece: int) -> Step:
    """The step with buffers for pieces of `piece` words, behind its other working memory.

    Args:
        step: The step, on a kernel whose settings have `fetch`.
        words: Of all its constants.
        piece: Of the largest piece.
    """
    at = -(-step.scratch // ALIGNMENT) * ALIGNMENT
    buffers = 2 if words > piece else 1
    settings = {**step.settings, "fetch": {"words": piece, "at": at}}
    return replace(step, settings=settings, scratch=at + 4 * piece * buffers)


def fetches(step: Step) -> bool:
    """Whether a step fetches its constants."""
    return bool(step.settings.get("fetch", NONE)["words"])


def in_place(step: Step) -> Step:
    """The step that reads its constants where they lie."""
    at = step.settings["fetch"]["at"]
    return replace(step, settings={**step.settings, "fetch": NONE}, scratch=at)


def fitted(program: Program, planned: Callable[[Program], Plan]) -> tuple[Program, Plan]:
    """The program with as many buffers as its arena has room for, and its plan.

    Args:
        program: With buffers wherever they save time.
        planned: Plans an arena.
    """
    found = planned(program)
    if not any(isinstance(step, Step) and fetches(step) for step in program):
        return program, found
    bare = [in_place(s) if isinstance(s, Step) and fetches(s) else s for s in program]
    least = planned(bare)
    room = max(least.arena, ROOM)
    while found.arena > room:
        buffered = [n for n, s in enumerate(program) if isinstance(s, Step) and fetches(s)]
        if not buffered:
            return bare, least
        over = [n for n in buffered if found.scratch[n] + _scratch(program[n]) > room]
        # If other tensors lie beyond the room, the largest buffers have moved them there.
        for n in over or [max(buffered, key=lambda n: _scratch(program[n]))]:
            program = [*program[:n], bare[n], *program[n + 1 :]]
        found = planned(program)
    return program, found


def _scratch(step: object) -> int:
    return step.scratch if isinstance(step, Step) else 0
