"""Stage 1 of training: a spec's sounds become features, and one owner holds them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from otolith.augment.pipeline import Augmenter
from otolith.data.windows import OTHERS, SETS, Windows, load_windows, recordings
from otolith.errors import UserError
from otolith.settings.spec import Spec
from otolith.train.examples import Examples, Maker, Same, Variants
from otolith.train.learning import picked
from otolith.train.progress import Report, silent
from otolith.train.takes import Takes, load_takes, resolved

BACKGROUNDS = 500  # windows that [augment.background] draws from
SOUND_BYTES = 200 << 20  # test sounds kept for the report's players; more than that are not


@dataclass(frozen=True)
class Prepared:
    """Everything a training learns from and is judged on. No other stage keeps arrays of its own.

    Use it as a context manager, or call close(), to stop the threads that make augmented data.

    spec: What was prepared. train, validate, test: int16 features, labels and clips of each set;
    `train` holds the windows that are used, after [train] cap and balance. changing: Training data
    that differ between epochs (augmented variants, or mixup), None if every epoch sees `train`.
    sounds: The test set's PCM, None where it is too large to keep. names: Names of clips by number.
    takes: What learning from few takes needs; None where clips are learned from. notes: Lines
    worth a warning.
    """

    spec: Spec
    train: Examples
    validate: Examples
    test: Examples
    changing: Variants | Same | None
    sounds: Windows | None = field(default=None, repr=False)
    names: dict[int, str] = field(default_factory=dict, repr=False)
    maker: Maker | None = field(default=None, repr=False)
    takes: Takes | None = field(default=None, repr=False)
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Windows of each set."""
        return {name: len(getattr(self, name).labels) for name in SETS}

    def clip_name(self, number: int) -> str:
        """A clip's name for people."""
        return self.names.get(number, f"clip {number}")

    def close(self) -> None:
        """Stops making augmented data."""
        if isinstance(self.changing, Variants):
            self.changing.close()
        if self.maker is not None:
            self.maker.close()

    def __enter__(self) -> Prepared:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def prepare(
    spec: Spec,
    progress: Report = silent,
    clips: int | None = None,
    first_epoch: int = 0,
    scheduler: str | None = None,
) -> Prepared:
    """Loads or makes the sounds of a spec and computes their features.

    Args:
        spec: The model's settings.
        progress: Called as the work proceeds.
        clips: At most this many clips of a class in each set; None for all.
        first_epoch: The epoch training begins with, counted from 0; augmentation starts there.
        scheduler: Address of a Dask scheduler that computes features; None for this computer.

    Returns:
        The features of every set, with labels.

    Raises:
        UserError: A set has no sound of a class, or a sound can't be read.
    """
    spec = resolved(spec)
    if spec.train.method == "takes":
        return _from_takes(spec, progress, clips)
    windows = load_windows(spec, progress, clips)
    for name in SETS:
        for number, label in enumerate(spec.model.classes):
            if not (windows[name].labels == number).any():
                raise UserError(f"[data]: the {name} set has no sound of class {label}")
    maker = Maker(spec.features, scheduler=scheduler)
    try:
        sets = {}
        for done, name in enumerate(SETS):

            def part(share: float, done: int = done) -> None:
                progress("features", (done + share) / len(SETS))

            sets[name] = maker.make(windows[name], progress=part)
        kept = picked(sets["train"].labels, spec.train)
        train = sets["train"].rows(kept)
        changing: Variants | Same | None = Same(train) if spec.train.mixup else None
        if spec.augment.sections:
            changing = Variants(
                maker,
                windows["train"],
                _augmenter(spec, windows["train"]),
                spec,
                functools.partial(picked, settings=spec.train),
                first_epoch,
            )
    except BaseException:
        maker.close()
        raise
    return Prepared(
        spec,
        train,
        sets["validate"],
        sets["test"],
        changing,
        windows["test"] if windows["test"].pcm.nbytes <= SOUND_BYTES else None,
        _names(spec) if clips is None else {},
        maker,
    )


def _from_takes(spec: Spec, progress: Report, clips: int | None) -> Prepared:
    loaded = load_takes(spec, progress, clips)
    small = loaded.sounds.pcm.nbytes <= SOUND_BYTES
    return Prepared(
        spec,
        loaded.train,
        loaded.validate,
        loaded.test,
        None,
        loaded.sounds if small else None,
        _names(spec),
        None,
        loaded.takes,
        loaded.notes,
    )


def _augmenter(spec: Spec, windows: Windows) -> Augmenter:
    """Backgrounds are the training windows of classes that never make an event."""
    classes = spec.model.classes
    quiet = [i for i, label in enumerate(classes) if label not in spec.detect.thresholds]
    backgrounds = windows.pcm[np.isin(windows.labels, quiet)][:BACKGROUNDS]
    unknown = OTHERS if OTHERS in classes else None
    return Augmenter(spec.augment.sections, classes, list(backgrounds), unknown)


def _names(spec: Spec) -> dict[int, str]:
    """File and folder of each clip, without the path before them."""
    return {number: "/".join(r.file.parts[-2:]) for number, r in enumerate(recordings(spec))}
