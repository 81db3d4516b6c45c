"""Draws the settings of each trial."""

from __future__ import annotations

from typing import Any

from optuna.samplers import BaseSampler, TPESampler

_STARTUP = 5  # random trials before TPE uses results


class TrialSeeded(BaseSampler):
    """Optuna's TPE sampler, seeded again for each trial with the trial's number.

    Every trial has its own number from the storage. So workers that start at the same time draw
    different settings, and the draws of a single worker are reproducible.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number: int | None = None
        self._tpe = TPESampler(seed=seed)

    def _of(self, trial: Any) -> TPESampler:
        if trial.number != self._number:
            self._number = trial.number
            seed = (self._seed + trial.number) % 2**32
            self._tpe = TPESampler(seed=seed, n_startup_trials=_STARTUP)
        return self._tpe

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict:
        """Implements BaseSampler."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study: Any, trial: Any, search_space: dict) -> dict:
        """Implements BaseSampler."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        """Implements BaseSampler."""
        return self._of(trial).sample_independent(study, trial, name, distribution)
