"""Computes the flash, RAM and latency of a network before it is trained."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from otolith.compile import Schedule, schedule_model
from otolith.device.boards import load_boards
from otolith.errors import UserError
from otolith.files import write_bytes, write_text
from otolith.paths import PACKAGE, ROOT, TOOLS, cache
from otolith.settings.problems import nearest
from otolith.settings.spec import Spec
from otolith.summarize.fit import network_need
from otolith.summarize.report import compiled_report

_CACHE = cache(TOOLS / "cache" / "latency")


def needs(
    spec: Spec, limits: dict[str, float], board: str, code: Path | None = None
) -> dict[str, float]:
    """Computes the resources that a spec's network needs, without training it.

    Args:
        spec: The spec.
        limits: Limits by name: flash and ram in bytes, latency_ms.
        board: Board for the latency.
        code: Folder whose Python code may define the architecture. None: no such code.

    Returns:
        The need for each name in `limits`.

    Raises:
        UserError: The network can't be built or compiled.
    """
    from otolith.train.feasible import untrained

    tflite = untrained(spec, code=code)
    schedule = schedule_model(tflite, spec.model.name)
    need = network_need(schedule)
    found: dict[str, float] = {"flash": need.flash, "ram": need.ram}
    if "latency_ms" in limits:
        found["latency_ms"] = _latency(tflite, schedule, board)
    return {name: value for name, value in found.items() if name in limits}


def over(found: dict[str, float], limits: dict[str, float]) -> dict[str, float]:
    """The excess over each exceeded limit, by name. Limits that are met are left out."""
    return {
        name: found[name] - limit for name, limit in limits.items() if found.get(name, 0) > limit
    }


def check_board(board: object, latency: bool, at: str) -> None:
    """Checks the name of a board.

    Args:
        board: Name of the board.
        latency: Whether its latency must be measurable, which needs a virtual board.
        at: Where the name was given; begins the message.

    Raises:
        UserError: The board is unknown, or there is no virtual board for its latency.
    """
    from otolith.summarize.profile import virtual_board

    known = [b.id for b in load_boards()]
    if not isinstance(board, str) or board not in known:
        raise UserError(f"{at}: no board {board!r}: {nearest(str(board), known)}")
    if latency:
        try:
            virtual_board(board)
        except UserError as error:
            raise UserError(f"{at}: latency_ms: {error.message}") from error


def _sources() -> str:
    """A hash of the code that runs on the board, because the cycles depend on it."""
    digest = hashlib.sha256()
    ours = (ROOT / "lib/nn", ROOT / "lib/board", ROOT / "firmware/bench", PACKAGE / "compile")
    for folder in ours:
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".c", ".h", ".S", ".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _latency(tflite: bytes, schedule: Schedule, board: str) -> float:
    """Measures an inference in milliseconds on the virtual board.

    Cycles depend on the shapes and hardly on the weights, so the result is cached by shapes.
    """
    from otolith.firmware.build import build
    from otolith.summarize.profile import profile_image

    hop = schedule.stream.hop if schedule.stream else 0
    operations = compiled_report(schedule)["operations"]
    shapes = json.dumps([board, operations, schedule.weights, hop, _sources()])
    key = hashlib.sha256(shapes.encode()).hexdigest()[:24]
    kept = _CACHE / f"{key}.json"
    with _one_at_a_time():
        with contextlib.suppress(OSError, ValueError, KeyError):
            return json.loads(kept.read_text())["ms"]
        model = _CACHE / f"{key}.tflite"
        write_bytes(model, tflite)
        try:
            image = build(f"{board}-bench", model).uf2
            ms = profile_image(image, schedule, board).ms_a_hop
        finally:
            model.unlink(missing_ok=True)
        write_text(kept, json.dumps({"ms": ms}))
    return ms


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Lets one process build at a time, because concurrent builds would interfere."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(_CACHE / "lock"):
        yield
