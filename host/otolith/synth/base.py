"""What a sound generator is: the classes it makes and one clip at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

UNKNOWN = "unknown"  # the class for everything that is none of the others
PARTS = ("train", "validate", "test")


@dataclass(frozen=True)
class Take:
    """A clip for a dataset, and what its row in metadata.csv says.

    Attributes:
        pcm: int16 samples at 16 kHz.
        speaker: Who speaks; clips of one speaker stay in one set. Empty: nobody.
        device: What made the sound.
        note: How it was made. Empty: the generator's name says enough.
    """

    pcm: np.ndarray
    speaker: str = ""
    device: str = "synthesised"
    note: str = ""


class Generator:
    """Makes the sounds of a model's classes.

    A generator is one file in this folder and one line in `registry.py`. A spec names it with
    `[data] synth = "<name>"`, and `host data synth <name>` writes its clips. Subclasses set
    `labels` and write `clip`; the rest has useful defaults.

    Attributes:
        labels: The classes it can make. Empty: it makes any class, such as any spoken word.
        seconds: Default length of a clip of `host data synth`.
        scene_s: Seconds of a clip in a test scene: enough for a whole cycle of the sound.
        about: One line for `host data synth --help`.
    """

    labels: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 1.0
    scene_s: ClassVar[float] = 1.5
    about: ClassVar[str] = ""

    def __init__(self, classes: Sequence[str]) -> None:
        """Prepare to make sounds.

        Args:
            classes: All classes of the model. What "unknown" sounds like depends on them.
        """
        self.classes = list(classes)

    @classmethod
    def check(cls, classes: Sequence[str]) -> str | None:
        """Say why these classes can't be made.

        Args:
            classes: The classes of a model.

        Returns:
            One line such as "makes rain, siren, not owl", or None if all can be made.
        """
        strange = [name for name in classes if cls.labels and name not in cls.labels]
        return f"makes {', '.join(cls.labels)}, not {strange[0]}" if strange else None

    def prepare(self) -> None:
        """Check once, before any clip is made, that nothing is missing.

        Raises:
            UserError: A program it needs is not installed.
        """

    @staticmethod
    def key(seed: int, place: int, number: int) -> tuple[int, ...]:
        """Seed of the random generator for one clip of a training set.

        Args:
            seed: `[data] seed` of the spec.
            place: 0 for the train set, 1 for validate, 2 for test.
            number: Number of the clip within its set, from 0.

        Returns:
            A seed for `numpy.random.default_rng`; no two clips share one.
        """
        return seed, place, number

    def clip(self, rng: np.random.Generator, label: str, samples: int, part: str) -> np.ndarray:
        """Make one clip.

        Args:
            rng: Source of every random choice: the same state gives the same clip.
            label: The class to make; one of `classes`.
            samples: Length at 16 kHz.
            part: The set the clip is for: train, validate or test. Generators with voices keep
                the voices of the sets apart.

        Returns:
            int16 array of shape (samples,).

        Raises:
            UserError: A program it needs is missing.
        """
        raise NotImplementedError

    def take(self, seed: int, number: int, word: str, label: str, samples: int) -> Take:
        """Make one clip for `host data synth`.

        Args:
            seed: The option --seed.
            number: Number of the clip of this word, from 0.
            word: What to make: a class, or a word to say.
            label: The class the clip is filed under.
            samples: Length at 16 kHz.

        Returns:
            The clip and what its row says.

        Raises:
            UserError: It can't be made.
        """
        # Keyed by the word, so that other words beside it change nothing.
        rng = np.random.default_rng((seed, number, *word.encode()))
        return Take(self.clip(rng, word, samples, "train"))
