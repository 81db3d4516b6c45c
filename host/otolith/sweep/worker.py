"""One of any number of workers on a sweep.

Workers meet only in the storage. Each asks it for a trial, trains it and reports the result. While
a trial trains, a thread keeps counting up its attribute "alive". If that count stops, its worker
was killed: the worker that notices marks the trial as failed and queues its settings again. It does
so a few times only, because the settings themselves may be what kills. Clocks of machines are not
compared.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from otolith.errors import UserError
from otolith.sweep.limits import over
from otolith.sweep.space import Space

ALIVE, OVER, REASON, NEEDS, LOST, WHERE = "alive", "over", "reason", "needs", "lost", "where"
TRIES = "tries"  # workers that were lost with these settings
GRACE = 60.0  # s without a sign of life until a trial counts as lost
MOST_TRIES = 3  # the settings themselves may be what kills
MOST_FAILURES = 5  # of a worker's trials, in a row: then it is not their settings


@dataclass
class Worker:
    """A worker on a sweep.

    Attributes:
        study: The Optuna study.
        space: What the sweep varies.
        trials: Trials with a result or over a limit to reach, over all workers.
        needs: Function of spec, limits and board that returns what the network takes.
        train: Function of spec and trial number that returns the validation accuracy.
        told: Called with each trial that ended in this worker.
    """

    study: Any
    space: Space
    trials: int  # over all workers
    needs: Callable
    train: Callable
    told: Callable[[Any], None] = lambda trial: None
    grace: float = GRACE
    _seen: dict[int, tuple[int, float]] = field(default_factory=dict)
    _failures: int = 0

    def run(self, seconds: float = float("inf")) -> None:
        """Work until all trials are finished, here or elsewhere, or time is up.

        Raises:
            UserError: Trials only fail.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            running = self._running()
            finished = count_finished(self.study)
            if finished >= self.trials:
                return
            if finished + running >= self.trials:  # wait: their workers may be killed
                time.sleep(min(1.0, self.grace / 4))
                continue
            self._one()

    def _running(self) -> int:
        """Count the trials in training; lost ones go back to the queue."""
        from optuna.trial import TrialState

        now, count = time.monotonic(), 0
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            alive = trial.user_attrs.get(ALIVE, -1)
            if self._seen.get(trial.number, (None, 0))[0] != alive:
                self._seen[trial.number] = (alive, now)
            if now - self._seen[trial.number][1] < self.grace:
                count += 1
                continue
            with contextlib.suppress(Exception):  # another worker was faster
                storage = self.study._storage
                storage.set_trial_user_attr(trial._trial_id, LOST, True)
                tries = trial.user_attrs.get(TRIES, 0) + 1
                if tries >= MOST_TRIES:
                    reason = f"{tries} workers died of it, or were killed with it"
                    storage.set_trial_user_attr(trial._trial_id, REASON, reason)
                self.study.tell(trial.number, state=TrialState.FAIL)
                if tries < MOST_TRIES:
                    self._again(trial, tries)
        return count

    def _again(self, trial: Any, tries: int) -> None:
        if set(trial.params) == set(self.space.varied):
            attributes = {"again": trial.number, TRIES: tries}
            self.study.enqueue_trial(trial.params, user_attrs=attributes)

    def _one(self) -> None:
        from optuna.trial import TrialState

        trial = self.study.ask()
        try:
            with self._signs_of_life(trial):
                self._work(trial)
        except KeyboardInterrupt:
            with contextlib.suppress(Exception):  # taken over before
                trial.set_user_attr(LOST, True)
                self.study.tell(trial, state=TrialState.FAIL)
                self._again(trial, trial.user_attrs.get(TRIES, 0))
            raise
        except Exception as error:  # settings can make training fail in any way
            if not self._ended(trial):  # else taken over, as this worker slept
                trial.set_user_attr(REASON, _line(error))
                self.study.tell(trial, state=TrialState.FAIL)
        ended = self.study.get_trials(deepcopy=False)[trial.number]
        self.told(ended)
        failed = ended.state == TrialState.FAIL and not ended.user_attrs.get(LOST)
        self._failures = self._failures + 1 if failed else 0
        if self._failures >= MOST_FAILURES:
            reason = ended.user_attrs[REASON]
            raise UserError(f"{self._failures} trials in a row failed, the last: {reason}")

    def _work(self, trial: Any) -> None:
        from optuna.trial import TrialState

        trial.set_user_attr(WHERE, f"{platform.node()}:{os.getpid()}")
        spec = self.space.spec(self.space.draw(trial))
        if self._before(trial.number) >= self.trials:  # two asked at once for the last one
            trial.set_user_attr(LOST, True)
            self.study.tell(trial, state=TrialState.FAIL)
            return
        limits = self.space.limits
        found = self.needs(spec, limits, self.space.board) if limits else {}
        trial.set_user_attr(NEEDS, found)
        for name, value in found.items():  # above 0: over it
            trial.set_constraint(name, value - limits[name])
        excess = over(found, limits)
        if excess:
            trial.set_user_attr(OVER, excess)
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, self.train(spec, trial.number))

    def _ended(self, trial: Any) -> bool:
        return self.study.get_trials(deepcopy=False)[trial.number].state.is_finished()

    def _before(self, number: int) -> int:
        """Count the earlier trials that have a result, are over a limit or are in training."""
        from optuna.trial import TrialState

        earlier = self.study.get_trials(deepcopy=False)[:number]
        return sum(counts(t) or t.state == TrialState.RUNNING for t in earlier)

    @contextlib.contextmanager
    def _signs_of_life(self, trial: Any) -> Iterator[None]:
        done = threading.Event()

        def beat() -> None:
            count = 0
            while not done.wait(self.grace / 6):
                count += 1
                with contextlib.suppress(Exception):  # a busy storage: the next beat counts too
                    trial.set_user_attr(ALIVE, count)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _line(error: Exception) -> str:
    if isinstance(error, UserError):
        return error.message
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return f"{type(error).__name__}: {first}"


def counts(trial: Any) -> bool:
    """Whether a trial says something about its settings: it has a result or is over a limit."""
    from optuna.trial import TrialState

    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def count_finished(study: Any) -> int:
    """Count the trials that have a result or are over a limit."""
    return sum(counts(trial) for trial in study.get_trials(deepcopy=False))
