"""`host data synth`: generates clips and adds them to a dataset."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable
from collections.abc import Generator as Made
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from otolith.audio import RATE
from otolith.data.adding import batch
from otolith.data.metadata import Row
from otolith.data.names import as_label, check_label, folder_of
from otolith.data.spoken import write_spoken
from otolith.errors import UserError, shown
from otolith.farm import map_tasks, scheduler_option
from otolith.progress import bar
from otolith.synth.base import Generator, Take
from otolith.synth.registry import GENERATORS, find
from otolith.voices.registry import ENGINES

SPEAKS = "keyword"  # the generator that takes --voices

CLIPS = 16  # made by one task of a cluster


def _labels(
    generator: type[Generator], name: str, words: tuple[str, ...], label: str | None
) -> dict[str, str]:
    """The label of each word to make.

    Raises:
        UserError: The generator can't make a word, or no label can be made of a word.
    """
    if label is not None:
        label = check_label(label)
    chosen = list(dict.fromkeys(words or generator.labels))
    problem = generator.check(chosen)
    if problem:
        raise UserError(f"{name} {shown(problem)}")
    labels = {word: label or as_label(re.sub(r"\s+", "_", word)) for word in chosen}
    unnamed = [word for word, made in labels.items() if not made]
    if unnamed:
        raise UserError(f"{shown(repr(unnamed[0]))} can't be made a label: give one with --label")
    return labels


@dataclass(frozen=True)
class _Task:
    """Clips for a computer of a cluster to make. The rest is as in write_clips()."""

    name: str
    jobs: tuple[tuple[str, int], ...]
    seed: int
    labels: dict[str, str]
    samples: int


@functools.lru_cache(maxsize=4)
def _maker(name: str, words: tuple[str, ...]) -> Generator:
    """A generator that a process keeps from task to task."""
    maker = find(name)(list(words))
    maker.prepare()
    return maker


def _make(task: _Task) -> list[Take]:
    maker = _maker(task.name, tuple(task.labels))
    return [
        maker.take(task.seed, number, word, task.labels[word], task.samples)
        for word, number in task.jobs
    ]


def _takes(
    maker: Generator,
    name: str,
    jobs: list[tuple[str, int]],
    seed: int,
    labels: dict[str, str],
    samples: int,
    scheduler: str | None,
) -> Made[Take, None, None]:
    """The clip of each job, in order."""
    if scheduler is not None:
        tasks = [
            _Task(name, tuple(jobs[at : at + CLIPS]), seed, labels, samples)
            for at in range(0, len(jobs), CLIPS)
        ]
        for part in map_tasks(_make, tasks, scheduler=scheduler):
            yield from part
        return
    # generators are C code and other programs: threads are enough
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(
            lambda job: maker.take(seed, job[1], job[0], labels[job[0]], samples), jobs
        )


def write_clips(
    name: str,
    words: tuple[str, ...],
    out: Path,
    count: int,
    seconds: float,
    seed: int,
    label: str | None,
    scheduler: str | None = None,
) -> list[Row]:
    """Generate clips and add them to a dataset.

    Args:
        name: The generator, a key of `GENERATORS`.
        words: What to make. Empty for all classes of the generator.
        out: Folder of the dataset. It is created if it does not exist.
        count: Number of clips of each word.
        seconds: Length of each clip.
        seed: Seed of the sounds.
        label: Label of all clips. None labels each clip with its own word.
        scheduler: Address of a Dask scheduler (otolith.farm). None: this computer.

    Returns:
        The rows of the new clips.

    Raises:
        UserError: A clip can't be made or written, or the scheduler can't be used. The dataset is
            unchanged then.
    """
    if seconds != seconds:
        raise UserError("--seconds must be a number")
    generator = find(name)
    labels = _labels(generator, name, words, label)
    maker = generator(list(labels))
    maker.prepare()
    samples = round(seconds * RATE)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    jobs = [(word, number) for word in labels for number in range(count)]

    with batch(out) as to:
        takes = _takes(maker, name, jobs, seed, labels, samples, scheduler)
        with contextlib.closing(takes), bar("clips", len(jobs)) as step:
            for (word, number), take in zip(jobs, takes, strict=True):
                step()
                stem = folder_of(as_label(word) or labels[word])
                row = Row(
                    file=f"{folder_of(labels[word])}/{stem}-{seed}-{number:05}.wav",
                    label=labels[word],
                    speaker=take.speaker,
                    device=take.device,
                    date=now,
                    gain="0",
                    note=take.note or name,
                )
                to.add(take.pcm, row)
        return to.save()


_VOICE_OPTIONS: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
    click.option(
        "--voices",
        metavar="ENGINES",
        help=f"Speech engines, with commas: {', '.join(ENGINES)}; or all. [espeak-ng, unchecked]",
    ),
    click.option(
        "--near-misses",
        "near",
        type=click.IntRange(0, 500),
        default=0,
        help="Near misses of each word, as unknown: as many clips as of the word. [0]",
    ),
    click.option(
        "--check/--no-check", default=True, help="Drop clips that say something else. [check]"
    ),
    click.option(
        "--piper",
        type=click.Path(path_type=Path),
        multiple=True,
        help="A voice for Piper (.onnx), all its speakers. Can be repeated.",
    ),
]


def _command(name: str) -> click.Command:
    """Build the command of one generator from the description of the generator."""
    generator = find(name)
    fixed = bool(generator.labels)

    def run(
        words: tuple[str, ...],
        out: Path,
        count: int,
        seconds: float,
        seed: int,
        label: str | None,
        scheduler: str | None,
        voices: str | None = None,
        near: int = 0,
        check: bool = True,
        piper: tuple[Path, ...] = (),
    ) -> None:
        if voices is None and (near or not check or piper):
            raise UserError("--near-misses, --no-check and --piper need --voices")
        if voices is None:
            rows = write_clips(name, words, out, count, seconds, seed, label, scheduler)
        else:
            labels = _labels(generator, name, words, label)
            made = write_spoken(
                labels,
                out,
                count,
                round(seconds * RATE),
                seed,
                voices,
                near=near,
                check=check,
                piper=piper,
                scheduler=scheduler,
            )
            rows = made.rows
            for line in made.warnings:
                click.echo(f"Warning: {shown(line)}", err=True)
            for engine, number in made.dropped.items():
                click.echo(f"{engine}: {number} clips said something else and were dropped")
        speakers = len({row.speaker for row in rows if row.speaker})
        by = f" by {speakers} voices" if speakers else ""
        click.echo(f"{len(rows)} clips of {seconds:g} s{by} in {out}")

    example = " ".join(generator.labels[:2]) if fixed else 'yes "turn it off"'
    classes = f"\n\nClasses: {', '.join(generator.labels)}. Without any, all are made."
    run.__doc__ = (
        f"{generator.about}{classes if fixed else ''}\n\n"
        f"\b\nExample:\n    host data synth {name} {example} -o dataset --count 200"
    )
    metavar = "[CLASS]..." if fixed else "WORD..."
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.argument("words", nargs=-1, required=not fixed, metavar=metavar),
        click.option(
            "-o", "--out", type=click.Path(path_type=Path), required=True, help="Dataset."
        ),
        click.option(
            "--count", type=click.IntRange(1), default=100, show_default=True, help="Clips of each."
        ),
        click.option(
            "--seconds",
            type=click.FloatRange(0.1, 600),
            default=generator.seconds,
            show_default=True,
            help="Length of a clip.",
        ),
        click.option("--label", help="Label of all clips. [the word or class]"),
        click.option(
            "--seed",
            type=click.IntRange(0),
            default=1,
            show_default=True,
            help="Seed of the sounds.",
        ),
        scheduler_option,
    ]
    if name == SPEAKS:
        options += _VOICE_OPTIONS
    command: Callable[..., Any] = run
    for option in reversed(options):
        command = option(command)
    return click.command(name)(command)


class Generators(click.Group):
    """One subcommand for each registered generator."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(GENERATORS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return _command(name) if name in GENERATORS else None


@click.group(cls=Generators)
def synth() -> None:
    """Generate sounds.

    \b
    Example:
        host data synth alarm -o dataset --count 20
    """
