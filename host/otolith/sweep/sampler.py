"""What draws a trial's settings."""

from __future__ import annotations

from typing import Any

from optuna.samplers import BaseSampler, TPESampler

_STARTUP = 5  # trials drawn at random before any are learned from


class TrialSeeded(BaseSampler):
    """TPE, seeded anew by the number of each trial.

    Only the storage hands out numbers. So workers that start at the same moment draw different
    settings, and a single worker draws the same ones again.
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
        """As Optuna asks for it."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study: Any, trial: Any, search_space: dict) -> dict:
        """As Optuna asks for it."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        """As Optuna asks for it."""
        return self._of(trial).sample_independent(study, trial, name, distribution)
