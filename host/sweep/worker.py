"""One of any number of workers on a sweep.

Workers only meet in the storage. Each asks it for a trial, trains, tells. While it trains, a thread
counts up the trial's "alive"; a trial whose count stands still belongs to a worker that was killed:
whoever notices fails it and queues its settings again. Clocks of machines are not compared.
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

from host.errors import UserError
from host.sweep.limits import over
from host.sweep.space import Space

ALIVE, OVER, REASON, NEEDS, LOST, WHERE = "alive", "over", "reason", "needs", "lost", "where"
GRACE = 60.0  # s without a sign of life until a trial counts as lost


@dataclass
class Worker:
    """needs: spec, limits, board -> what the network takes. train: spec, trial number -> validation
    accuracy. told: gets each trial that ended here."""

    study: Any
    space: Space
    trials: int  # over all workers
    needs: Callable
    train: Callable
    told: Callable[[Any], None] = lambda trial: None
    grace: float = GRACE
    _seen: dict[int, tuple[int, float]] = field(default_factory=dict)

    def run(self, seconds: float = float("inf")) -> None:
        """Work until all trials are finished, here or elsewhere, or time is up."""
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
        """How many trials are being trained; those that are lost go back in the queue."""
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
                self.study.tell(trial.number, state=TrialState.FAIL)
                if set(trial.params) == set(self.space.varied):
                    self.study.enqueue_trial(trial.params, user_attrs={"again": trial.number})
        return count

    def _one(self) -> None:
        from optuna.trial import TrialState

        trial = self.study.ask()
        trial.set_user_attr(WHERE, f"{platform.node()}:{os.getpid()}")
        with self._signs_of_life(trial):
            try:
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
            except UserError as error:
                trial.set_user_attr(REASON, error.message)
                self.study.tell(trial, state=TrialState.FAIL)
            except KeyboardInterrupt:
                trial.set_user_attr(LOST, True)
                self.study.tell(trial, state=TrialState.FAIL)
                self.study.enqueue_trial(trial.params, user_attrs={"again": trial.number})
                raise
        self.told(self.study.trials[trial.number])

    def _before(self, number: int) -> int:
        """Trials that were asked for earlier and count."""
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


def counts(trial: Any) -> bool:
    """Whether a trial came to an end of its own: with a result, over a limit, or with an error."""
    from optuna.trial import TrialState

    if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
        return True
    return trial.state == TrialState.FAIL and not trial.user_attrs.get(LOST)


def count_finished(study: Any) -> int:
    """Trials that count."""
    return sum(counts(trial) for trial in study.get_trials(deepcopy=False))
