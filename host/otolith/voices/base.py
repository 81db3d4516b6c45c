"""What a speech engine is: a list of voices, and words spoken by one of them."""

from __future__ import annotations

import abc
import difflib
import subprocess
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.audio.segment import FRAME, Rules, frame_levels, segments
from otolith.errors import UserError, shown

SPEEDS = (0.5, 2.0)  # factors that every engine takes
PITCHES = (0.6, 1.6)
MOST_CHARACTERS = 300  # of a text
TIMEOUT_S = 60  # for one text; an engine that takes longer hangs
_QUIET_DB = -50.0  # relative to the loudest frame: quieter frames at the ends are no speech
_SILENT_DB = -60.0  # dBFS; a clip without a louder frame is silent
_LEAST_S = 0.05  # a shorter sound is a click


class Engine(abc.ABC):
    """Speaks text with several voices.

    Subclasses set the attributes and write `problem`, `voices` and `sound`. Callers use `say`,
    which checks what goes in and what comes out.

    Attributes:
        name: What users call it.
        about: One line for lists.
        licence: Licence of program and voices, SPDX identifiers where there are some.
        pitches: Whether `sound` changes the pitch itself. Otherwise `say` resamples, which moves
            the formants too, as in a longer or shorter vocal tract.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    licence: ClassVar[str]
    pitches: ClassVar[bool] = False

    @abc.abstractmethod
    def problem(self) -> str | None:
        """Why the engine can't speak on this computer and how to install it; None if it can."""

    @abc.abstractmethod
    def voices(self) -> tuple[str, ...]:
        """Names of the voices. The engine must be installed."""

    @abc.abstractmethod
    def sound(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        """Let the engine speak.

        Args:
            text: What to say; checked.
            voice: One of `voices`.
            speed: Factor on the speaking rate.
            pitch: Factor on the frequency of the voice; 1 unless `pitches` is set.

        Returns:
            Float samples with a full scale of 1, and their rate in Hz.

        Raises:
            UserError: The engine fails.
        """

    def speaker(self, voice: str) -> str:
        """Name of the speaker behind a voice. Voices that share a speaker stay in one set."""
        return f"{self.name}-{voice}"

    def say(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> np.ndarray:
        """Speak a text.

        Args:
            text: English words.
            voice: One of `voices`.
            speed: Factor on the speaking rate, within SPEEDS.
            pitch: Factor on the frequency of the voice, within PITCHES.

        Returns:
            float32 samples at 16 kHz with a full scale of 1, without the silence around the
            speech.

        Raises:
            UserError: There is no such voice, or it does not say the text.
        """
        text = check_text(text)
        self.check_voice(voice)
        if not (SPEEDS[0] <= speed <= SPEEDS[1] and PITCHES[0] <= pitch <= PITCHES[1]):
            raise UserError(f"{self.name}: speed {speed:g} or pitch {pitch:g} is out of range")
        if self.pitches:
            sound, rate = self.sound(text, voice, speed, pitch)
        else:
            sound, rate = self.sound(text, voice, speed / pitch, 1.0)
            rate = round(rate * pitch)
        try:
            return clean(sound, rate)
        except UserError as error:
            raise UserError(f"{self.name} {voice} {error.message} for {shown(text)!r}") from error

    def check_voice(self, voice: str) -> None:
        """Raise UserError, with the nearest name, unless the engine has a voice."""
        known = self.voices()
        if voice in known:
            return
        near = difflib.get_close_matches(voice, known, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known[:8])} ..."
        raise UserError(f"{self.name} has no voice {shown(voice)!r}: {hint}")


def check_text(text: str) -> str:
    """Return a text without blanks at its ends.

    Raises:
        UserError: It is empty, too long, or has nothing that can be said.
    """
    text = " ".join(text.split())
    if not text:
        raise UserError("there is nothing to say: the text is empty")
    if len(text) > MOST_CHARACTERS:
        raise UserError(f"a text of {len(text)} characters is too long: {MOST_CHARACTERS} at most")
    if not text.isprintable() or not any(c.isalnum() for c in text):
        raise UserError(f"no voice can say {shown(text)!r}: write it in letters")
    return text


def clean(sound: np.ndarray, rate: int) -> np.ndarray:
    """Convert speech to 16 kHz and cut the silence around it.

    Args:
        sound: Float samples with a full scale of 1.
        rate: Their rate in Hz.

    Returns:
        float32 samples at 16 kHz.

    Raises:
        UserError: The sound is silent or broken.
    """
    import soxr

    if not np.isfinite(sound).all():
        raise UserError("returns samples that are no numbers")
    at_16k: np.ndarray = soxr.resample(sound.astype(np.float32), rate, RATE, quality="VHQ")
    peak = float(np.abs(at_16k).max(initial=0))
    if peak > 1:
        at_16k = at_16k / peak
    levels = frame_levels(np.round(at_16k * 32767).astype(np.int16))
    if not len(levels) or levels.max() < _SILENT_DB:
        raise UserError("returns silence")
    loud = segments(
        levels,
        levels.max() + _QUIET_DB,
        Rules(on_db=0, off_db=0, least=1, gap=len(levels), most=1 << 30),
    )
    start, stop = loud[0][0] * FRAME, loud[-1][1] * FRAME
    if stop - start < _LEAST_S * RATE:
        raise UserError("returns a click")
    return np.ascontiguousarray(at_16k[max(0, start - FRAME) : stop + FRAME], dtype=np.float32)


def run(engine: str, command: Sequence[str], given: str | None = None) -> str:
    """Run an engine's program and return what it printed.

    Raises:
        UserError: It is missing, fails, crashes or hangs.
    """
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{engine} did not answer within {TIMEOUT_S} s") from None
    except OSError as error:
        raise UserError(f"{engine}: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        raise UserError(f"{engine} failed ({how}): {shown(lines[-1])}")
    return done.stdout
