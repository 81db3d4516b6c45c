"""`host data import`: converts sound files and adds them to a dataset."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import click

from otolith.audio import RATE
from otolith.audio.convert import Converted, convert
from otolith.data import metadata
from otolith.data.layouts import LAYOUTS, Item, items_of, name_pattern, set_named
from otolith.data.metadata import SETS, Row
from otolith.data.names import check_label, folder_of, inside
from otolith.data.options import dataset_option
from otolith.data.pieces import sources_of
from otolith.errors import UserError, shown
from otolith.files import cannot_write, owner_tag
from otolith.places import PLACE
from otolith.progress import bar, is_quiet, remark

ORIGIN = "origin"  # the column with the hash of the file a clip was imported from
_FEW = 8  # up to so many files are converted in this process
_AHEAD = 4  # files queued for each process
_SAVE_EVERY = 5.0  # s
_TEMPORARY = ".importing"

_known: frozenset[str] = frozenset()


def _begin(known: frozenset[str]) -> None:
    """Initialise a worker process."""
    global _known
    _known = known


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Make processes started within the block ignore Ctrl-C. The parent handles it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(path: Path, folder: Path, seconds: float) -> Converted:
    return convert(path, folder, seconds, _known)


@dataclass
class Imported:
    """The result of an import.

    Attributes:
        files: Number of files imported.
        clips: Number of clips made of them.
        seconds: Total length of the clips.
        already: Number of files that the dataset had already.
        dropped: Number of pieces left out because they were silent or too short.
        cut_off: Names of files with samples beyond full scale.
        problems: A line for each file or folder left out.
        warnings: A line for each file that was imported with a warning.
    """

    files: int = 0
    clips: int = 0
    seconds: float = 0.0
    already: int = 0
    dropped: int = 0
    cut_off: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, line: str) -> None:
        """Print a warning and count it."""
        self.warnings.append(line)
        click.echo(line, err=True)

    def report(self, line: str) -> None:
        """Print a problem and count it. Any problem makes the exit code 1."""
        self.problems.append(line)
        click.echo(line, err=True)


@dataclass(frozen=True)
class Wanted:
    """The options that apply to all files. "" and None leave the decision to the layout."""

    label: str = ""
    set: str = ""
    speaker: str = ""
    device: str = ""
    note: str = ""
    seconds: float | None = None


def _stem(item: Item, origin: str) -> str:
    """A file name made of the original name and a hash of the content."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", item.path.stem).lstrip(".-")[:80]
    return f"{plain}-{origin[:8]}"


def _times(item: Item, wanted: Wanted, clip: Path) -> dict[str, str]:
    """Columns that say where in its file a clip was cut."""
    seconds = item.seconds if wanted.seconds is None else wanted.seconds
    start = int(clip.stem) * seconds  # dropped clips have numbers too
    end = start + (clip.stat().st_size - 44) / 2 / RATE
    return {"start": f"{start:.4f}", "end": f"{end:.4f}"}


class Writer:
    """Moves converted clips into a dataset and writes their rows, many at a time.

    Attributes:
        origins: Label of each imported file, by the hash of its content.
    """

    def __init__(self, dataset: Path, wanted: Wanted, result: Imported) -> None:
        self.dataset, self.wanted, self.result = dataset, wanted, result
        found = metadata.load(dataset)
        for problem in found.problems:
            click.echo(problem, err=True)
        self.origins = {row.extra[ORIGIN]: row.label for row in found.rows if row.extra.get(ORIGIN)}
        self._waiting: list[tuple[Item, Converted]] = []
        self._saved = time.monotonic()

    def add(self, item: Item, done: Converted) -> None:
        """Queue the clips of a converted file, or report why it gives none."""
        name = shown(item.path)
        if done.problem:
            self.result.report(f"{name}: {done.problem}")
        elif done.origin in self.origins:
            self.result.already += 1
            label = self.origins[done.origin]
            if label != item.label:
                self.result.report(f"{name}: the same file is there as {shown(label)}: left out")
        elif not done.clips:
            self.result.report(f"{name}: contains only zeros")
        else:
            if done.warning:
                self.result.warn(done.warning)
            self.origins[done.origin] = item.label
            self.result.dropped += done.dropped
            if done.cut_off:
                self.result.cut_off.append(name)
            self._waiting.append((item, done))
            if time.monotonic() - self._saved > _SAVE_EVERY:
                self.save()
            return
        for clip in done.clips:
            clip.unlink(missing_ok=True)

    def _rows(self, item: Item, done: Converted, taken: set[str]) -> Iterator[tuple[Path, Row]]:
        stem = _stem(item, done.origin)
        for number, clip in enumerate(done.clips):
            part = f"-{number:04}" if len(done.clips) > 1 else ""
            file = f"{folder_of(item.label)}/{stem}{part}.wav"
            while file in taken:
                file = f"{file[:-4]}_.wav"
            taken.add(file)
            wanted = self.wanted
            times = _times(item, wanted, clip) if part else {}
            yield (
                clip,
                Row(
                    file=file,
                    label=item.label,
                    set=wanted.set or item.set,
                    speaker=wanted.speaker or item.speaker,
                    device=wanted.device,
                    gain="0",
                    source=item.source or stem,
                    note=wanted.note or item.note,
                    extra={**item.extra, **times, ORIGIN: done.origin},
                ),
            )

    def discard_others(self, folder: Path) -> None:
        """Remove temporary clips that were not added."""
        kept = {done.clips[0].parent for _, done in self._waiting}
        for child in folder.iterdir():
            if child not in kept:
                shutil.rmtree(child, ignore_errors=True)

    def save(self) -> None:
        """Move the queued clips into place and write their rows. Undo both on an error."""
        self._saved = time.monotonic()
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        with metadata.lock(self.dataset):
            found = metadata.load(self.dataset)
            taken = {row.file for row in found.rows}
            moved: list[Path] = []
            seconds = 0.0
            clips = [pair for item, done in waiting for pair in self._rows(item, done, taken)]
            with metadata.pending(self.dataset, [row.file for _, row in clips]):
                try:
                    for clip, row in clips:
                        path = inside(self.dataset, row.file)
                        path.parent.mkdir(exist_ok=True)
                        seconds += max(0, clip.stat().st_size - 44) / 32000
                        clip.replace(path)
                        moved.append(path)
                        found.rows.append(row)
                        found.columns += [name for name in row.extra if name not in found.columns]
                    found.save(self.dataset)
                except BaseException as error:
                    for path in moved:
                        path.unlink(missing_ok=True)
                        with contextlib.suppress(OSError):
                            path.parent.rmdir()
                    if isinstance(error, OSError):
                        raise cannot_write(self.dataset, error) from error
                    raise
        self.result.files += len(waiting)
        self.result.clips += len(moved)
        self.result.seconds += seconds


def _converted(
    items: list[Item], seconds: float | None, folder: Path, known: frozenset[str]
) -> Generator[tuple[Item, Converted], None, None]:
    """Convert files and yield the results in order. Use all processors for many files."""

    def job(number: int, item: Item) -> tuple[Path, Path, float]:
        length = item.seconds if seconds is None else seconds
        return item.path, folder / f"{number}", length

    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if len(items) <= _FEW or workers == 1:
        for number, item in enumerate(items):
            yield item, convert(*job(number, item), known)
        return
    # Spawn, because forking a process with threads (progress bars) may hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (known,))
    running: deque[tuple[Item, Future[Converted]]] = deque()
    left = enumerate(items)
    try:
        while True:
            while len(running) < _AHEAD * (workers or 1) and (following := next(left, None)):
                with _no_interrupts():  # submit() starts processes
                    running.append((following[1], pool.submit(_work, *job(*following))))
            if not running:
                return
            item, future = running.popleft()
            try:
                yield item, future.result()
            except BrokenProcessPool as error:
                raise UserError(
                    f"a process was killed at or after {shown(item.path)} (no memory left, or that "
                    "file is damaged): the files before it are imported, so run this again"
                ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def import_items(items: list[Item], dataset: Path, wanted: Wanted, result: Imported) -> None:
    """Convert files and add them to a dataset.

    Files that were converted before an error or Ctrl-C stay in the dataset.

    Args:
        items: The files.
        dataset: Folder of the dataset. It is created if it does not exist.
        wanted: Options for all files.
        result: Counts and problems are added to it.

    Raises:
        UserError: The disk can't be written, or a worker process was killed.
    """
    with metadata.lock(dataset):
        pass  # creates the folder
    writer = Writer(dataset, wanted, result)
    try:
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY + owner_tag(), dir=dataset))
    except OSError as error:
        raise cannot_write(dataset, error) from error
    try:
        with bar("files", len(items)) as step:
            converted = _converted(items, wanted.seconds, folder, frozenset(writer.origins))
            try:
                for item, done in converted:
                    writer.add(item, done)
                    step()
            finally:
                converted.close()
                writer.discard_others(folder)  # frees space for the rows on a full disk
                writer.save()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            dataset.rmdir()  # only succeeds if nothing was imported


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=PLACE)
@dataset_option
@click.option("--label", help="Label of all files, instead of their folders' names.")
@click.option(
    "--layout",
    type=click.Choice(["auto", *LAYOUTS]),
    default="auto",
    show_default=True,
    help="How the files are arranged; auto finds out.",
)
@click.option("--names", help="Pattern of the file names, such as {label}_{speaker}_{take}.")
@click.option("--set", "chosen", type=click.Choice(SETS), help="Set of all files.")
@click.option("--speaker", default="", help="Speaker of all files.")
@click.option("--device", default="", help="Microphone that recorded them.")
@click.option("--note", default="", help="Note for all files.")
@click.option("--seconds", type=click.FloatRange(0.05, 3600), help="Cut into clips this long.")
@click.option(
    "--whole", is_flag=True, help="Make one clip of each file, even of Speech Commands' noise."
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def import_(
    paths: tuple[Path, ...],
    dataset: Path,
    label: str | None,
    layout: str,
    names: str | None,
    chosen: str | None,
    speaker: str,
    device: str,
    note: str,
    seconds: float | None,
    whole: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Add sound files, or folders of them, to a dataset as 16 kHz 16 bit mono WAV clips.

    Layouts: folders (the folder that holds a file is its label, and folders named train, validate
    or test are sets), table (a CSV file beside the sounds with columns such as file and label), esc
    (ESC-50 and ESC-10, with sources from the file names) and speech-commands (with speakers from
    the file names and sets from its lists). Files that the dataset has already are skipped.

    On a terminal, a table shows the classes and you are asked before anything is imported. In
    scripts, classes that look wrong need --yes.

    With --names, label, speaker, source, set and note come from the file names instead. Other words
    in {} are ignored.

    With --seconds, long files are cut into clips. A remainder shorter than half a clip is dropped,
    and so are clips that contain only zeros.

    \b
    Examples:
        host data import sounds
        host data import ESC-50-master --dataset esc50
        host data import kitchen.flac --label background --seconds 1
        host data import digits --names "{label}_{speaker}_{take}"
    """
    if label is not None:
        label = check_label(label)
    if whole and seconds:
        raise UserError("--whole and --seconds contradict each other: give one")
    if seconds != seconds:
        raise UserError("--seconds must be a number")
    if names is not None and layout != "auto":
        raise UserError("--names and --layout contradict each other: give one")
    pattern = None if names is None else name_pattern(names)
    result = Imported()
    items: list[Item] = []
    for path in paths:
        try:
            found, used = items_of(path, layout, label or "", dataset, result.report, pattern)
        except UserError as error:
            result.report(error.message)
            continue
        if not found and used != "file":
            result.report(f"{shown(path)}: no sound files in it ({used} layout)")
        elif used != "file":
            remark(f"{shown(path)}: {len(found)} files, {used} layout")
        items += found
    wanted = Wanted(label or "", chosen or "", speaker, device, note, 0.0 if whole else seconds)
    pieces = sources_of([(item.path.stem, item.label) for item in items], remark)
    items = [
        item if item.source or not source else replace(item, source=source)
        for item, source in zip(items, pieces, strict=True)
    ]
    if items and any(path.is_dir() for path in paths):
        _agree(items, wanted, yes)
    if items:
        import_items(items, dataset, wanted, result)
    if as_json:
        about = {
            "files": result.files,
            "clips": result.clips,
            "seconds": round(result.seconds, 3),
            "already": result.already,
            "dropped": result.dropped,
            "cut_off": result.cut_off,
            "problems": result.problems,
            "warnings": result.warnings,
        }
        click.echo(json.dumps(about, indent=2))
    else:
        click.echo(_summary(result, dataset))
    if result.problems:
        raise SystemExit(1)


_MANY = 2000  # files; a class with so many is probably several classes


def doubts(items: list[Item]) -> list[str]:
    """Describe what looks wrong about the classes of files to import, a line each."""
    counts = Counter(item.label for item in items)
    lines = [
        f"class {shown(label)} is called like a set: are its folders the classes?"
        for label in counts
        if set_named(label)
    ]
    for label, count in counts.items():
        if count >= _MANY and count > len(items) // 2:
            lines.append(
                f"class {shown(label)} has {count} files: if the file names contain the class, use "
                '--names, such as --names "{label}_{speaker}_{take}"'
            )
    return lines


def _show(items: list[Item], chosen: str) -> None:
    """Print a table of the files to import to standard error."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    by_label: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda item: item.label):
        by_label.setdefault(item.label, []).append(item)
    table = Table(box=box.SIMPLE)
    sets = [name for name in SETS if any((chosen or item.set) == name for item in items)]
    people = any(item.speaker for item in items)
    table.add_column("class")
    for name in ("files", *sets, *(["speakers"] if people else [])):
        table.add_column(name, justify="right")
    table.add_column("such as")
    for label, some in by_label.items():
        counts = [sum((chosen or item.set) == name for item in some) for name in sets]
        speakers = [len({item.speaker for item in some if item.speaker})] if people else []
        cells = [str(number) for number in (len(some), *counts, *speakers)]
        table.add_row(Text(shown(label)), *cells, Text(shown(some[0].path.name)))
    Console(stderr=True).print(table)


def _terminal() -> bool:
    """Whether someone at a terminal can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _agree(items: list[Item], wanted: Wanted, yes: bool) -> None:
    """Show what would be imported and ask. Raises UserError or click.Abort if it is refused."""
    terminal = _terminal()
    wrong = [] if wanted.label else doubts(items)
    if (terminal and not (yes and is_quiet())) or wrong:
        _show(items, wanted.set)
    for line in wrong:
        click.echo(f"Warning: {line}", err=True)
    if not wanted.label and len({item.label for item in items}) == 1:
        click.echo(f"Warning: one class only: {shown(items[0].label)}", err=True)
    if yes:
        return
    if terminal:
        click.confirm(f"Import {len(items)} files?", default=not wrong, abort=True, err=True)
    elif wrong:
        raise UserError("nothing was imported: give --yes if this is what you want, or --label")


def _summary(result: Imported, dataset: Path) -> str:
    parts = [
        f"{result.clips} clips ({result.seconds:.1f} s) from {result.files} files in "
        f"{shown(dataset)}"
    ]
    if result.already:
        parts.append(f"{result.already} files were there already")
    if result.dropped:
        parts.append(f"{result.dropped} silent or too short pieces dropped")
    if result.cut_off:
        first = ", ".join(result.cut_off[:3])
        parts.append(f"{len(result.cut_off)} files exceed full scale and were clipped ({first})")
    if result.problems:
        parts.append(f"{len(result.problems)} problems")
    return "; ".join(parts)
