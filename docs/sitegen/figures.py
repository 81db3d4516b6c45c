"""Tables of measured figures, made from bench/results while the site is built.

A page asks for one by a comment of its own line: `<!-- figures: engines -->`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from otolith.paths import ROOT
from sitegen.tables import table

RESULTS = ROOT / "bench" / "results"
_ASKED = re.compile(r"^<!-- figures: (\w+) -->$", re.M)
# The command that makes a file of bench/results which does not begin with it.
COMMANDS = {
    "accuracy.txt": "python bench/accuracy.py",
    "augment.txt": "python bench/augment.py",
    "engines.txt": "host bench engines",
    "false_alarms.txt": "python bench/false_alarms.py --pico",
    "features.txt": "python bench/features.py",
    "microphone.txt": "python bench/microphone.py",
    "pico.txt": "python bench/pico.py",
    "streaming.txt": "python bench/streaming.py app",
    "tflm_baseline.json": "host bench engines",
}
_COMMAND = re.compile(r"(?:^|[\s`$#])((?:python3? (?:-m )?|host |\S*pytest |make )\S[^`#(;]*)")


class NoFigures(Exception):
    """A file of bench/results is missing or has another form than expected."""


def read(name: str) -> str:
    """A file of bench/results."""
    try:
        return (RESULTS / name).read_text(encoding="utf-8")
    except OSError as error:
        raise NoFigures(f"bench/results/{name}: {error.strerror}") from error


def command_of(file: Path) -> str:
    """The command that made a file of bench/results.

    Raises:
        NoFigures: Neither the file's first lines nor COMMANDS name one.
    """
    if file.name in COMMANDS:
        return COMMANDS[file.name]
    for line in file.read_text(encoding="utf-8").splitlines()[:8]:
        found = _COMMAND.search(line)
        if found:
            return found[1].strip().rstrip(":,. ")
    raise NoFigures(f"bench/results/{file.name}: the command that made it stands nowhere")


def _columns(text: str, after: str) -> Iterator[list[str]]:
    """The rows below the line that begins with `after`, split at runs of spaces."""
    lines = iter(text.splitlines())
    if not any(line.startswith(after) for line in lines):
        raise NoFigures(f"bench/results: no line begins with {after!r}")
    for line in lines:
        if not line.strip():
            return
        yield re.split(r"\s{2,}", line.strip())


def _hop() -> str:
    names = {
        "PDM to PCM": "PDM bits to PCM",
        "features": "features",
        "network": "network and decision",
        "CPU load": "CPU load",
        "overruns": "overruns",
        "stack": "stack",
    }
    rows = list(_columns(read("pico.txt"), "fire_alarm app"))
    return table(
        ("fire alarm, a hop of 32 ms (512 samples)", ""),
        [(names.get(row[0], row[0]), " ".join(row[1:])) for row in rows],
        numbers=True,
    )


def _image() -> str:
    return table(("part", "flash", "RAM"), list(_columns(read("pico.txt"), "part  ")), numbers=True)


CORES = {
    "m0plus": "M0+, virtual Pico: cycles",
    "m4f": "M4F, QEMU: instructions",
    "m33": "M33, QEMU: instructions",
}


def _engine_rows(core: str) -> dict[str, dict[str, list[str]]]:
    """network -> engine -> the columns of engines.txt."""
    found: dict[str, dict[str, list[str]]] = {}
    text = read("engines.txt")
    start = re.search(rf"^{core} \(.*$", text, re.M)
    if start is None:
        raise NoFigures(f"bench/results/engines.txt: no table of {core}")
    for row in _columns(text[start.start() :], "network "):
        if len(row) >= 8:
            name, engine = row[0].split()[0], row[1].rstrip("*")
            if len(row[0].split()) == 2:  # a long name leaves one space
                engine, row = row[0].split()[1].rstrip("*"), [row[0], "", *row[1:]]
            found.setdefault(name, {})[engine] = row[2:]
    return found


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _engines() -> str:
    cores = {core: _engine_rows(core) for core in CORES}
    rows, ratios = [], {core: [] for core in CORES}
    for name, own in cores["m0plus"].items():
        row = [name]
        for core, found in cores.items():
            ours, theirs = (found[name][engine][0] for engine in ("compiled", "tflm"))
            ratios[core].append(_number(ours) / _number(theirs))
            row.append(f"{ours} / {theirs} ({ratios[core][-1]:.2f})")
        # tflm's rows lack the column of ratios
        flash = own["compiled"][3], own["tflm"][2]
        arena = own["compiled"][5], own["tflm"][4]
        rows.append([*row, " / ".join(flash), " / ".join(arena)])
    means = [f"{math.prod(r) ** (1 / len(r)):.2f}" for r in ratios.values()]
    head = ("network", *CORES.values(), "M0+ flash without weights", "M0+ arena")
    return table(head, [*rows, ["geometric mean of the ratios", *means, "", ""]], numbers=True)


def _features() -> str:
    head = (
        "a frame of",
        "hop, ms",
        "virtual Pico, cycles",
        "share of the hop",
        "M4F, instructions",
        "M33, instructions",
    )
    text = read("features.txt")
    return table(head, [row for row in _columns(text, " ") if len(row) == 6], numbers=True)


def _streaming() -> str:
    head = ("network", "hop, frames", "MACs of a window", "of a hop", "share", "bytes of RAM")
    rows = [row[:6] for row in _columns(read("streaming.txt"), "network ") if len(row) == 7]
    return table(head, rows, numbers=True)


def _boxes(name: str, title: str) -> str:
    """The table of box characters below the line that contains `title`."""
    _, found, rest = read(name).partition(title)
    if not found:
        raise NoFigures(f"bench/results/{name}: no table {title!r}")
    rest = rest[: end.end()] if (end := re.search(r"^└", rest, re.M)) else rest
    rows = [
        [part.strip() for part in re.split("[┃│]", line)[1:-1]]
        for line in rest.splitlines()
        if line.startswith(("┃", "│"))
    ]
    return table(rows[0], rows[1:], numbers=True)


FIGURES: dict[str, Callable[[], str]] = {
    "pico_hop": _hop,
    "pico_image": _image,
    "engines": _engines,
    "features": _features,
    "streaming": _streaming,
    "environment": lambda: _boxes("accuracy.txt", "environment:"),
    "digits": lambda: _boxes("accuracy.txt", "digits: who"),
}


def fill(text: str) -> str:
    """A page with the tables it asks for."""

    def made(match: re.Match[str]) -> str:
        if match[1] not in FIGURES:
            raise NoFigures(f"no figures {match[1]}: known: {', '.join(FIGURES)}")
        return FIGURES[match[1]]()

    return _ASKED.sub(made, text)


def page() -> str:
    """All of bench/results as it is, each file with its command."""
    parts = [
        "# All results\n",
        "The files of bench/results as they are. [Figures](figures.md) explains the most important "
        "ones. Each is made again by the command above it.\n",
    ]
    for file in sorted(RESULTS.iterdir()):
        if file.suffix not in (".txt", ".json"):
            continue
        text = file.read_text(encoding="utf-8").rstrip()
        parts += [f"## {file.name}\n", f"`{command_of(file)}`\n"]
        if len(text) <= 40000:
            parts += [f"````text\n{text}\n````\n"]
    return "\n".join(parts)
