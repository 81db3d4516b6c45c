"""The speech engines, by the name users call them. One line each."""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Sequence
from pathlib import Path

from otolith.errors import UserError, shown
from otolith.voices.base import Engine

ENGINES = {
    "espeak-ng": "otolith.voices.espeak_ng:EspeakNg",
    "flite": "otolith.voices.flite:Flite",
    "festival": "otolith.voices.festival:Festival",
    "pico": "otolith.voices.pico:Pico",
    "piper": "otolith.voices.piper:Piper",
    "kokoro": "otolith.voices.kokoro:Kokoro",
}
ALL = "all"


@functools.cache
def find(name: str) -> Engine:
    """The engine of a name.

    Args:
        name: A key of `ENGINES`.

    Raises:
        UserError: There is no engine of this name.
    """
    if name not in ENGINES:
        near = difflib.get_close_matches(name, list(ENGINES), 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(ENGINES)}, {ALL}"
        raise UserError(f"no speech engine is called {shown(name)!r}: {hint}")
    module, attribute = ENGINES[name].split(":")
    engine: Engine = getattr(importlib.import_module(module), attribute)()
    return engine


def choose(names: str) -> tuple[list[str], list[str]]:
    """Engines that a user names.

    Args:
        names: Names separated by commas, or "all" for those that are installed.

    Returns:
        Names of the engines, and one line for each that "all" left out: why, and what to do.

    Raises:
        UserError: A name is unknown, a named engine is not installed, or none is.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise UserError(f"--voices names no engine: {', '.join(ENGINES)}, or {ALL}")
    if ALL not in wanted:
        problems = [f"{name}: {told}" for name in wanted if (told := find(name).problem())]
        if problems:
            raise UserError("; ".join(problems))
        return list(dict.fromkeys(wanted)), []
    for name in wanted:
        if name != ALL:
            find(name)
    reasons = {name: find(name).problem() for name in ENGINES}
    present = [name for name, why in reasons.items() if why is None]
    left_out = [f"{name} is left out: {why}" for name, why in reasons.items() if why]
    if not present:
        raise UserError("no speech engine is installed: run host setup --voices")
    return present, left_out


def add_piper(files: Sequence[Path]) -> None:
    """Let the engine "piper" speak with voices from more files.

    Args:
        files: .onnx files, each with its .onnx.json beside it.

    Raises:
        UserError: A file is missing or is no voice.
    """
    from otolith.voices.piper import Piper

    engine = find("piper")
    assert isinstance(engine, Piper)
    engine.add(files)
