"""A worker of a sweep.

Workers communicate only through the storage. Each gets a trial from it, trains it and reports the
result. During training, a thread increments the trial's attribute "alive". If that counter stops,
the worker was killed. The first other worker to notice marks the trial as failed and queues its
settings again. There are only a few retries, because the settings may be what kills the workers.
Nothing depends on synchronised clocks.
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
TRIES = "tries"  # number of workers lost with these settings
GRACE = 60.0  # s without a heartbeat until a trial counts as lost
MOST_TRIES = 3  # the settings may be what kills the workers
MOST_FAILURES = 5  # failed trials in a row: the settings are not the cause


@dataclass
class Worker:
    """A worker of a sweep.

    Attributes:
        study: The Optuna study.
        space: What the sweep varies.
        trials: Number of trials to reach over all workers. Trials count if they have a result or
            exceed a limit.
        needs: Function of spec, limits and board that returns the network's needs by name.
        train: Function of spec and trial number that returns the validation accuracy.
        told: Called with each trial that ended in this worker.
        grace: Seconds without a heartbeat until a trial counts as lost.
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
        """Runs trials until all workers together have finished enough, or the time is up.

        Args:
            seconds: Time after which no new trial starts.

        Raises:
            UserError: Several trials in a row failed.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            running = self._running()
            finished = count_finished(self.study)
            if finished >= self.trials:
                return
            if finished + running >= self.trials:  # wait, because a running trial may still be lost
                time.sleep(min(1.0, self.grace / 4))
                continue
            self._one()

    def _running(self) -> int:
        """Counts the trials in training and puts lost ones back in the queue."""
        from optuna.trial import TrialState

        now, count = time.monotonic(), 0
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            alive = trial.user_attrs.get(ALIVE, -1)
            if self._seen.get(trial.number, (None, 0))[0] != alive:
                self._seen[trial.number] = (alive, now)
            if now - self._seen[trial.number][1] < self.grace:
                count += 1
                continue
            with contextlib.suppress(Exception):  # another worker may have done this already
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
            with contextlib.suppress(Exception):  # another worker may have taken it over
                trial.set_user_attr(LOST, True)
                self.study.tell(trial, state=TrialState.FAIL)
                self._again(trial, trial.user_attrs.get(TRIES, 0))
            raise
        except Exception as error:  # training can fail in any way
            if not self._ended(trial):  # else another worker took it over during a pause
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
        if self._before(trial.number) >= self.trials:  # another worker already has the last trial
            trial.set_user_attr(LOST, True)
            self.study.tell(trial, state=TrialState.FAIL)
            return
        limits = self.space.limits
        found = self.needs(spec, limits, self.space.board) if limits else {}
        trial.set_user_attr(NEEDS, found)
        for name, value in found.items():  # positive: exceeded
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
        """Counts the earlier trials that have a result, exceed a limit or are in training."""
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
                with contextlib.suppress(Exception):  # the storage may be busy
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
    """Whether a trial counts: it has a result or exceeds a limit."""
    from optuna.trial import TrialState

    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def count_finished(study: Any) -> int:
    """Counts the trials that have a result or exceed a limit."""
    return sum(counts(trial) for trial in study.get_trials(deepcopy=False))
