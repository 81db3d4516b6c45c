"""Specs that train in seconds: few clips, one epoch, a small network."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from otolith.settings.spec import Spec
from otolith.train import feasible

FEW = (24, 8, 12)  # clips for training, validation and test


def few(spec: Spec, clips: tuple[int, int, int] = FEW, **train: object) -> Spec:
    """The spec with few clips and one epoch; `train` replaces settings of [train]."""
    names = ("train_clips", "validate_clips", "test_clips")
    return dataclasses.replace(
        spec,
        data=dataclasses.replace(spec.data, **dict(zip(names, clips, strict=True))),
        train=dataclasses.replace(spec.train, **{"epochs": 1, "batch": 8, **train}),
    )


def few_text(text: str) -> str:
    """A spec.toml with few clips and one epoch."""
    for name, value in (
        *zip(("train_clips", "validate_clips", "test_clips"), FEW, strict=True),
        ("epochs", 1),
    ):
        text, found = re.subn(rf"(?m)^{name} = \d+", f"{name} = {value}", text)
        assert found == 1, f"the spec does not set {name}"
    return text


@contextmanager
def networks_checked_once() -> Iterator[None]:
    """Keep what the check before a training converts, for trainings of the same network.

    The conversion takes as long as the rest of a small training.
    """
    kept: dict[object, bytes] = {}
    real = feasible.untrained

    def untrained(spec: Spec, architecture=None, code=None) -> bytes:
        course = {"epochs": 1, "head_epochs": 0, "variants": 1, "threshold": None, "patience": None}
        train = dataclasses.replace(spec.train, **course)  # has no part in the network
        told = repr((spec.model, spec.features, train, spec.metadata()))
        if (told, architecture, code) not in kept:
            kept[told, architecture, code] = real(spec, architecture, code)
        return kept[told, architecture, code]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feasible, "untrained", untrained)
        yield
