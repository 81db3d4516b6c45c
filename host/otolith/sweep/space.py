"""Reads sweep.toml, which says what a sweep varies and within which limits.

An example of models/<name>/sweep.toml:

[space]
"train.learning_rate" = { low = 1e-4, high = 1e-2, log = true }
"augment.windows_a_clip" = { low = 4, high = 16, step = 4 }
"model.architecture" = ["strided_cnn", "esc_cnn"]

[limits]            # of the network alone; all are optional
flash = 60_000      # bytes of weights and tables
ram = 80_000        # bytes of arena and feature window
latency_ms = 50     # of one inference on the virtual board
board = "pico"

[search]            # defaults of the command's options
trials = 30
epochs = 10
seed = 1
metric = "validation_accuracy"
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from otolith.errors import UserError
from otolith.settings.problems import nearest
from otolith.settings.spec import Spec, parse, read_spec
from otolith.settings.toml import read_document
from otolith.settings.train import MAX_SEED
from otolith.sweep.limits import check_board

Value = float | int | str | bool
DEFAULT = {
    "train.learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
    "train.dropout": {"low": 0.0, "high": 0.5},
    "train.batch": [32, 64, 128],
}
LIMITS = ("flash", "ram", "latency_ms")
METRIC = "validation_accuracy"
SECTIONS = ("space", "limits", "search")


@dataclass(frozen=True)
class Range:
    """A range of numbers. The values are whole numbers if both ends are.

    Attributes:
        low: Lowest value, included.
        high: Highest value, included.
        log: Whether to draw uniformly on a logarithmic scale.
        step: Distance between the values. None: any value.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def examples(self) -> list[Value]:
        """Values to check. If they are valid, all values are."""
        return [self.low, self.high]

    def draw(self, trial: Any, name: str) -> Value:
        """Draws a value from an Optuna trial."""
        if self.whole:
            return trial.suggest_int(name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Value, ...]

    def examples(self) -> list[Value]:
        """Values to check: all of them."""
        return list(self.values)

    def draw(self, trial: Any, name: str) -> Value:
        """Draws a value from an Optuna trial."""
        return trial.suggest_categorical(name, list(self.values))


@dataclass(frozen=True)
class Space:
    """What a sweep varies, and its limits.

    Attributes:
        raw: Tables of the spec, into which drawn values are inserted.
        where: Name of the file, for messages.
        varied: Range or choice of each varied setting, by "section.key".
        limits: Limits by name (see LIMITS).
        board: Board to which the limits apply.
        search: trials, epochs and seed, where given.
    """

    raw: dict
    where: str
    varied: dict[str, Range | Choice]
    limits: dict[str, float] = field(default_factory=dict)
    board: str = "pico"
    search: dict[str, int] = field(default_factory=dict)

    def spec(self, values: dict[str, Value]) -> Spec:
        """Makes the spec with these values, by "section.key". UserError if they are invalid."""
        raw = copy.deepcopy(self.raw)
        for name, value in values.items():
            *sections, key = name.split(".")
            table = raw
            for section in sections:
                table = table.setdefault(section, {})
                if not isinstance(table, dict):
                    raise UserError(f'{self.where}: [space] "{name}": {section} is no section')
            table[key] = value
        return parse(raw, self.where)

    def draw(self, trial: Any) -> dict[str, Value]:
        """Draws a value for each varied setting from an Optuna trial."""
        return {name: kind.draw(trial, name) for name, kind in self.varied.items()}


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _kind(name: str, raw: object, where: str) -> Range | Choice:
    at = f'{where}: [space] "{name}"'
    if isinstance(raw, list):
        simple = all(isinstance(v, float | int | str) for v in raw)
        if not raw or not simple or len(set(map(repr, raw))) < len(raw):
            raise UserError(f"{at}: a list of different words or numbers to choose from")
        return Choice(tuple(raw))
    if not isinstance(raw, dict):
        raise UserError(f"{at}: must be a list of choices or {{ low = ..., high = ... }}")
    for key in raw:
        if key not in ("low", "high", "log", "step"):
            raise UserError(f"{at} has no {key}: {nearest(key, ['low', 'high', 'log', 'step'])}")
    low, high = raw.get("low"), raw.get("high")
    if not _number(low) or not _number(high) or not low < high:
        raise UserError(f"{at}: low and high must be numbers, low below high")
    log, step = raw.get("log", False), raw.get("step")
    if not isinstance(log, bool) or (log and low <= 0):
        raise UserError(f"{at}: log is true or false, and needs low above 0")
    if step is not None and (log or not _number(step) or not 0 < step <= high - low):
        raise UserError(f"{at}: step is a number above 0, up to the range, and not with log")
    if step is not None and isinstance(low, int) and isinstance(high, int) and step != int(step):
        raise UserError(f"{at}: low and high are whole numbers: step must be one too")
    return Range(low, high, log, step)


def _architecture(name: object, at: str) -> None:
    """Checks the name of an architecture. An unknown one would fail every trial that draws it."""
    from otolith.train.architectures import ARCHITECTURES

    if isinstance(name, str) and ":" not in name and name not in ARCHITECTURES:
        raise UserError(f"{at}: no architecture {name!r}: {nearest(name, ARCHITECTURES)}")


def _search(table: dict, where: str) -> dict[str, int]:
    """Checks [search] and returns it without the metric."""
    most = {"trials": 100_000, "epochs": 10_000, "seed": MAX_SEED}
    for key, value in table.items():
        at = f"{where}: [search]"
        if key == "metric":
            if value != METRIC:
                raise UserError(
                    f'{at} metric = {value!r}: must be "{METRIC}": a search that saw the test set '
                    "would leave nothing to test with"
                )
        elif key not in most:
            raise UserError(f"{at} has no {key}: {nearest(key, [*most, 'metric'])}")
        elif not isinstance(value, int) or isinstance(value, bool):
            raise UserError(f"{at} {key} = {value!r}: must be int")
        elif not (key != "seed") <= value <= most[key]:
            raise UserError(f"{at} {key}: must be {int(key != 'seed')} to {most[key]}")
    return {key: value for key, value in table.items() if key != "metric"}


def load_space(spec_path: Path, file: Path | None) -> Space:
    """Loads what a sweep of a spec varies.

    Args:
        spec_path: The spec.
        file: Its sweep.toml. None: the default space.

    Raises:
        UserError: A file is invalid, or a value in the space would make the spec invalid. The
            message names the file and the key.
    """
    document = read_spec(spec_path)
    raw = document.tables
    tables = {"space": DEFAULT} if file is None else read_document(file).tables
    where = str(file or spec_path)
    for name, table in tables.items():
        if name not in SECTIONS:
            raise UserError(f"{where}: no section [{name}]: {nearest(name, list(SECTIONS))}")
        if not isinstance(table, dict):
            raise UserError(f"{where}: {name} must be a section, [{name}]")
    if not tables.get("space"):
        raise UserError(f"{where}: [space] names nothing to vary")
    varied = {name: _kind(name, value, where) for name, value in tables["space"].items()}
    limits = dict(tables.get("limits", {}))
    board = limits.pop("board", "pico")
    for name, value in limits.items():
        if name not in LIMITS:
            raise UserError(f"{where}: [limits] has no {name}: {nearest(name, [*LIMITS, 'board'])}")
        if not _number(value) or value <= 0:
            raise UserError(f"{where}: [limits] {name} = {value!r}: must be a number above 0")
    check_board(board, "latency_ms" in limits, f"{where}: [limits] board")
    search = _search(tables.get("search", {}), where)
    space = Space(raw, where, varied, limits, board, search)
    parse(raw, document.where, document.lines)
    for name, kind in varied.items():
        if "." not in name:
            raise UserError(f'{where}: [space] "{name}": write "section.key"')
        for value in kind.examples():
            space.spec({name: value})
            if name == "model.architecture":
                _architecture(value, f'{where}: [space] "{name}"')
    return space
