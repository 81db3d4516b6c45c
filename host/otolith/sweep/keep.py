"""Keeps the folder of the best trial as `best` and removes the others."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

from filelock import FileLock

from otolith.files import write_text
from otolith.sweep.results import best_first

_ABOUT = "trial.json"


def folder_of(out: Path, number: int) -> Path:
    """The folder in which a trial trains."""
    return out / f"trial_{number}"


def tidy(out: Path, study: Any) -> None:
    """Renames the best trial's folder to `out`/best and removes those of other ended trials.

    It also completes the clean-up of a killed worker.
    """
    out.mkdir(parents=True, exist_ok=True)
    with FileLock(out / "lock"):
        folders = list(out.glob("trial_*"))  # before the trials: later ones have none here
        trials = study.get_trials(deepcopy=False)
        ended = {f"trial_{t.number}" for t in trials if t.state.is_finished()}
        ranked = best_first(study)
        best = ranked[0].number if ranked else None
        for folder in folders:
            if best is not None and folder == folder_of(out, best):
                write_text(folder / _ABOUT, json.dumps({"trial": best}) + "\n")
                shutil.rmtree(out / "best", ignore_errors=True)
                folder.rename(out / "best")
            elif folder.name in ended:
                shutil.rmtree(folder, ignore_errors=True)


def kept(out: Path) -> int | None:
    """The number of the trial whose network is in `out`/best. None: there is none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads((out / "best" / _ABOUT).read_text())["trial"]
    return None
