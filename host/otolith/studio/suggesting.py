"""Suggestions for the Label page: where sounds are in a recording, by energy or by the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from otolith.audio import RATE
from otolith.audio.segment import Rules
from otolith.data.find import sounds
from otolith.data.labels import LONGEST
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.progress import Step, tell
from otolith.settings.detect import ONE
from otolith.settings.spec import load
from otolith.studio.recordings import MOST_LABELS, Options, Sound, find_in, prepared


def suggest(project: Path, options: Options) -> Options:
    """Find sounds in an opened recording. A job.

    Args:
        project: Its folder.
        options: name: The recording. by: "energy" or "model". on_db: dB above the noise at which a
            sound begins, for energy. least: Seconds of the shortest sound. gap: Longest pause
            within a sound, s.

    Returns:
        suggestions: start, end, label ("" by energy) and score (None by energy) of each.
    """
    path = find_in(project, str(options["name"]))
    sound = prepared(project, path)
    on_db = float(options.get("on_db") or 12.0)
    rules = Rules(
        on_db,
        on_db / 2,
        least=max(1, round(100 * float(options.get("least") or 0.08))),
        gap=max(1, round(100 * float(options.get("gap") or 0.3))),
        most=round(LONGEST * 100),
    )
    whole = max(1, sound.samples // RATE)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        tell(Step("looking for sounds", min(1.0, done / whole)))

    loud = sounds(sound.path, rules, step)
    if options["by"] == "energy":
        found = [{"start": s, "end": e, "label": "", "score": None} for s, e in loud]
    else:
        found = heard(sound, load(project).model.name, project, loud)
    return {"by": options["by"], "suggestions": found[:MOST_LABELS]}


def heard(
    sound: Sound, name: str, project: Path, loud: list[tuple[float, float]]
) -> list[dict[str, Any]]:
    """What a project's network detects in a recording.

    A detection looked at one window of sound. Where energy stands out in this window, its edges are
    those of the suggestion.

    Args:
        sound: The recording.
        name: Of the model.
        project: Its folder.
        loud: Start and end of the sounds that stand out, s.
    """
    tflite = project / f"{name}.tflite"
    if not tflite.exists():
        raise UserError("not trained yet: train it on the Train page, or suggest by loudness")
    chain = Chain(tflite)
    window = chain.metadata.features.samples / RATE
    starts = np.array([start for start, _ in loud])
    ends = np.array([end for _, end in loud])
    found: list[dict[str, Any]] = []
    block = 10 * RATE
    for first in range(0, sound.samples, block):
        tell(Step(f"{name} listens", first / sound.samples))
        for hop in chain.feed(sound.read(first, first + block)):
            if hop.event is None:
                continue
            label, score = hop.event
            stop = hop.t_ms / 1000
            start = max(0.0, stop - window)
            inside = (starts < stop) & (ends > start) if len(loud) else np.zeros(0, bool)
            if inside.any():
                start, stop = float(starts[inside].min()), float(ends[inside].max())
            last = next((f for f in reversed(found) if f["label"] == label), None)
            if last is not None and start < last["end"]:
                last["end"] = max(last["end"], stop)  # one long sound was detected twice
                continue
            about = {"label": label, "score": round(score / ONE, 3)}
            found.append({"start": start, "end": stop, **about})
    return found
