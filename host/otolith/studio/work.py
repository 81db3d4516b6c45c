"""What jobs do. Each function runs in a process of its own (worker.py).

They call the functions that the commands call. Their progress and what they print become events
and the log of the job.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from rich.console import Console

from otolith.audio import RATE, SOUNDS
from otolith.compile import schedule_model
from otolith.data.clips import open_rows
from otolith.data.fetch.unpack import unpack
from otolith.data.importing import Imported, Wanted, import_items
from otolith.data.layouts import Item, items_of, set_named
from otolith.data.names import inside
from otolith.data.pieces import sources_of
from otolith.data.split import split_dataset
from otolith.deploy.scenario import concatenate, passed
from otolith.deploy.scenario import judge as judge_scene
from otolith.deploy.scenes import scene
from otolith.deploy.upload import upload
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.evaluate import clips, stream
from otolith.evaluate.calibrate import EARLY_MS
from otolith.evaluate.compare import common, versus
from otolith.evaluate.models import Ear, ModelFile, trained
from otolith.evaluate.recordings import Source, sources
from otolith.evaluate.sounds import of_dataset
from otolith.evaluate.stream import StreamResult
from otolith.files import write_bytes, write_text
from otolith.firmware import build as firmware
from otolith.firmware import hear
from otolith.listen.ending import memory_ms
from otolith.progress import Step, tell
from otolith.settings.data import DATASET
from otolith.settings.spec import Spec, load
from otolith.studio import images
from otolith.studio.uploads import TABLES
from otolith.summarize.fit import fit, network_need
from otolith.summarize.realtime import estimate
from otolith.train.architectures.registry import ARCHITECTURES
from otolith.virtual import emulated

# Networks that the Train page offers beside the spec's own, the smallest first.
CHOICES = ("alarm_cnn", "separable_cnn", "ds_cnn_s", "word_cnn_m")

KEPT_NETWORKS = 20  # of earlier trainings

Options = dict[str, Any]


def import_(project: Path, options: Options) -> Options:
    """Import files that were uploaded into the dataset, as `host data import` does."""
    folder = Path(options["folder"])
    label = str(options["label"])
    try:
        for archive in sorted(folder.rglob("*.zip")):
            into = archive.with_suffix("")
            into.mkdir(exist_ok=True)
            unpack(archive, into, _is_wanted)
            archive.unlink()
        result = Imported()
        items = _items(folder, label, result)
        if not items:
            problems = "; ".join(result.problems[:3])
            raise UserError(problems or "no sound files in it: drop WAV, MP3, M4A, FLAC, Ogg, ...")
        import_items(items, project / DATASET, Wanted(label=label, set="", seconds=None), result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "files": result.files,
        "clips": result.clips,
        "already": result.already,
        "problems": result.problems,
        "labels": sorted({item.label for item in items}),
    }


def _is_wanted(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.lower() in (*SOUNDS, *TABLES)


def _items(folder: Path, label: str, result: Imported) -> list[Item]:
    """The files below a folder. A folder that holds nothing but one other stands for that one."""
    inner = list(folder.iterdir())
    while len(inner) == 1 and inner[0].is_dir() and any(c.is_dir() for c in inner[0].iterdir()):
        if set_named(inner[0].name):
            break
        folder = inner[0]
        inner = list(folder.iterdir())
    if not label and any(f.suffix.lower() in SOUNDS for f in inner) and not _has_table(inner):
        raise UserError("say which sound these files are: drop them on its row")
    items, _ = items_of(folder, "auto", label, None, result.report)
    pieces = sources_of([(item.path.stem, item.label) for item in items], print)
    return [
        item if item.source or not source else replace(item, source=source)
        for item, source in zip(items, pieces, strict=True)
    ]


def _has_table(files: list[Path]) -> bool:
    return any(file.suffix.lower() in TABLES for file in files)


def train(project: Path, options: Options) -> Options:
    """Train the project's model, as `host train` does. A request to stop keeps the best network."""
    from otolith.train.run import How
    from otolith.train.run import train as run  # imports TensorFlow

    split_new(project / DATASET)
    spec = with_size(load(project), str(options.get("size") or ""))
    console = Console(width=100, no_color=True)
    metrics = run(spec, project, console, how=How(spec.deploy.board, bool(options.get("resume"))))
    return trained_now(project, {**metrics.to_json(), "architecture": spec.model.architecture})


def split_new(dataset: Path) -> None:
    """Put clips that have no set into one, as `host data split` does."""
    if any(not row.set for row in open_rows(dataset).rows):
        for line in split_dataset(dataset).uneven:
            print(line)


def with_size(spec: Spec, architecture: str) -> Spec:
    """The spec with another network. "" keeps its own."""
    if not architecture or architecture == spec.model.architecture:
        return spec
    if architecture not in ARCHITECTURES:
        raise UserError(f"no architecture {architecture!r}")
    model = replace(spec.model, architecture=architecture)
    return replace(spec, model=model, train=replace(spec.train, base=""))


def trained_now(project: Path, metrics: Options) -> Options:
    """The figures and the network of a run, kept in .studio/runs for comparisons."""
    names = (
        *("hash", "architecture", "parameters", "macs", "weights_bytes", "arena_bytes", "seconds"),
        *("int8_accuracy", "clip_accuracy", "warnings", "stopped", "best_epoch"),
    )
    found = {name: metrics[name] for name in names}
    runs, name = project / ".studio" / "runs", f"{datetime.now():%Y%m%d-%H%M%S}-{metrics['hash']}"
    write_bytes(runs / f"{name}.tflite", trained(project).data)
    write_text(runs / f"{name}.json", json.dumps(found))
    for old in sorted(runs.glob("*.tflite"))[:-KEPT_NETWORKS]:
        old.unlink(missing_ok=True)
    return found


def _tell(step: str, share: float) -> None:
    tell(Step(step, share))


def compare(project: Path, options: Options) -> Options:
    """Compare two earlier networks on the test clips, as `host compare` does.

    options: a, b: names of runs.
    """
    runs = project / ".studio" / "runs"
    ears = [Ear(ModelFile(runs / f"{options[side]}.tflite", None)) for side in "ab"]
    if set(ears[0].labels) != set(ears[1].labels):
        raise UserError("the two networks know other classes: they can't be compared")
    sounds, _ = of_dataset(project / DATASET, "test")
    scores = []
    for name, ear in zip(("earlier", "newest"), ears, strict=True):
        step = f"playing test clips to the {name} network"
        scores.append(clips.judge(ear, sounds, progress=partial(_tell, step)))
    names, right_a, right_b = common(*scores)
    verdict = versus(right_a, right_b)
    sides = {
        side: {
            "accuracy": float(right.mean()),
            "weights": ear.schedule.weights,
            "arena": ear.schedule.arena,
        }
        for side, ear, right in zip("ab", ears, (right_a, right_b), strict=True)
    }
    return {
        **sides,
        "clips": len(names),
        "only_a": verdict.only_a,
        "only_b": verdict.only_b,
        "p_value": verdict.p_value,
        "words": verdict.words("The earlier network", "the newest"),
    }


def sizes(project: Path, options: Options) -> Options:
    """Sizes and times of networks on the project's board, before training."""
    from otolith.train.feasible import untrained  # imports TensorFlow

    spec = load(project)
    board = named(spec.deploy.board)
    found = []
    names = [spec.model.architecture, *(n for n in CHOICES if n != spec.model.architecture)]
    for number, name in enumerate(names):
        tell(Step("computing sizes", number / len(names), name))
        try:
            schedule = schedule_model(untrained(with_size(spec, name)), spec.model.name)
        except UserError as error:
            print(f"{name}: {error.message}")  # this front end is too small for it
            continue
        fits = fit(board, schedule.network.digest, network_need(schedule))
        expected = estimate(schedule.analysis, board)
        found.append(
            {
                "architecture": name,
                "own": name == spec.model.architecture,
                "flash": fits.need.flash,
                "ram": fits.need.ram,
                "board_flash": board.flash,
                "board_ram": board.ram,
                "fits": fits.fits,
                "words": fits.words(),
                "macs": schedule.macs,
                "ms": expected.range_ms if expected else None,
                "hop_ms": expected.hop_ms if expected else None,
                "keeps_up": expected.keeps_up if expected else None,
            }
        )
    return {"board": board.name, "sizes": found}


def judge(project: Path, options: Options) -> Options:
    """Judge the trained network on a set's clips, as `host evaluate` does."""
    ear = Ear(trained(project))
    split_new(project / DATASET)
    sounds, problems = of_dataset(project / DATASET, str(options.get("set") or "test"))
    scores = clips.judge(ear, sounds, progress=lambda share: tell(Step("scoring clips", share)))
    figures = clips.summary(scores)
    top = (project / DATASET).as_posix() + "/"
    k = len(ear.labels)
    names = [*ear.labels, "no class"]
    heard = [
        {
            "file": name.removeprefix(top),
            "truth": names[int(truth)],
            "said": "unsure" if int(said) == k else names[int(said)],
            "best": names[int(best)],
            "scores": [round(float(s), 4) for s in row],
        }
        for name, truth, said, best, row in zip(
            scores.names, scores.truth, scores.said, scores.best, scores.scores, strict=True
        )
    ]
    running = listened(project, ear, str(options.get("set") or "test"))
    return {
        "hash": ear.network.digest,
        "labels": list(ear.labels),
        "clips": heard,
        "confusion": figures.confusion,
        "accuracy": figures.accuracy,
        "accuracy_95": list(figures.accuracy_95),
        "warnings": [*figures.warnings, *problems, *scores.problems, *running.problems],
        "curves": running.curves,
    }


def listened(project: Path, ear: Ear, name: str) -> StreamResult:
    """Play a set's clips and the spec's long recordings in one go, as `host evaluate --stream`.

    Args:
        project: Its dataset and spec.toml say what is played.
        ear: The network.
        name: The set.
    """
    rows = [row for row in open_rows(project / DATASET).rows if row.set == name]
    files = tuple(inside(project / DATASET, row.file) for row in rows)
    recordings = [Source(files, None, tuple(row.label for row in rows))] if rows else []
    streams = [project / place for place in load(project).detect.streams]
    recordings += sources(streams) if streams else []
    late = memory_ms(ear.metadata)
    return stream.judge(
        ear.data, ear.metadata, ear.labels, recordings, EARLY_MS, late, progress=_tell
    )


def image(project: Path, options: Options) -> Options:
    """Build the image that a virtual board boots on the Live page."""
    spec = load(project)
    tell(Step("building firmware", 0))
    file = images.build(project, spec.deploy.board, trained(project).tflite)
    return {"board": spec.deploy.board, "file": file.name, "bytes": file.stat().st_size}


def flash(project: Path, options: Options) -> Options:
    """Build and upload, as `pio run -t upload` does."""
    spec, tflite = load(project), trained(project).tflite
    board, port = spec.deploy.board, str(options.get("port") or "")
    tell(Step("building firmware", 0))
    folder = firmware.build(board, tflite).folder
    if named(board) in emulated():
        images.keep(images.path_of(project, board, tflite), folder)  # the same for the Live page
    tell(Step(f"uploading to {port or board}", 0))
    done = upload(board, folder, port or None)
    print(done)
    return {"board": board, "port": port, "done": done}


def virtual(project: Path, options: Options) -> Options:
    """Build, boot the image on a virtual board, play test clips, judge what it says.

    As `host train-and-deploy --no-train --virtual` does.
    """
    spec, tflite = load(project), trained(project).tflite
    tell(Step("building firmware", 0))
    file = images.build(project, spec.deploy.board, tflite)
    digest = hashlib.sha256(tflite.read_bytes()).hexdigest()[:16]
    segments = scene(spec, int(options.get("seed") or 7))
    pcm = concatenate(segments)
    what = f"playing {len(pcm) / RATE:.0f} s of sound to a virtual {spec.deploy.board}"
    found = hear.through_virtual_microphone(
        file,
        pcm,
        digest,
        progress=lambda share: tell(Step(what, share)),
        board=spec.deploy.board,
    )
    known = [d for d in found.detections if d.label in (found.hello.labels or [])]
    outcomes = judge_scene(segments, known, memory_ms(spec.metadata()))
    last = found.stats[-1] if found.stats else None
    return {
        "board": spec.deploy.board,
        "passed": passed(outcomes, spec.deploy.accept),
        "seconds": len(pcm) / RATE,
        "outcomes": [
            {
                "name": o.name,
                "label": o.label,
                "start": o.start_ms / 1000,
                "end": o.end_ms / 1000,
                "latency_ms": o.latency_ms,
                "wrong": [d.label for d in o.wrong],
                "right": o.right,
            }
            for o in outcomes
        ],
        "led": _steps(found.led),
        "infer_ms": (last.infer_us or 0) / 1000 if last else None,
        "cpu": last.cpu if last else None,
        "not_modelled": found.not_modelled,
    }


def _steps(led: list[tuple[float, float]]) -> list[list[float]]:
    """Brightness of an LED over time, in seconds, in twenty steps: it may change every ms."""
    found: list[list[float]] = []
    for t_ms, level in led:
        step = round(20 * level) / 20
        if not found or found[-1][1] != step:
            found.append([round(t_ms / 1000, 3), step])
    return found
