"""`host data synth keyword --voices`: plan, near misses, the check of what is said, bad input."""

import numpy as np
import pytest
from click.testing import CliRunner

from otolith.audio import RATE
from otolith.cli import main
from otolith.data import metadata, spoken
from otolith.data.spoken import Job, Spoken
from otolith.errors import UserError
from otolith.voices import alike, check, registry
from otolith.voices.espeak_ng import ipa
from otolith.voices.registry import find

COMMON = ("water", "kitchen", "morning", "window", "computer", "people", "river", "mother")


def here(function, items, **options):
    """map_tasks() in this process."""
    return map(function, items)


def synth(out, *arguments):
    command = ["data", "synth", "keyword", *map(str, arguments), "-o", str(out)]
    return CliRunner().invoke(main, command)


def test_phonemes_of_espeak_ng_are_those_of_the_cmu_dictionary():
    apart = [alike.distance(alike.from_ipa(ipa(w)), alike.dictionary()[w]) for w in COMMON]
    assert sum(apart) <= 0.02 * sum(len(alike.dictionary()[w]) for w in COMMON)
    assert alike.phonemes("snowboy") == ("S", "N", "OW", "B", "OY")


def test_edit_distances():
    assert alike.distance(("K", "AE", "T"), ("B", "AE", "T")) == 1
    assert alike.distance(("K", "AE", "T"), ("G", "AE", "T")) == 0.5
    assert alike.distance(("K", "AE", "T"), ("K", "AE", "T", "S")) == 1
    assert alike.rhymes(alike.phonemes("otto"), alike.phonemes("lotto"))


def test_near_misses_are_near_and_are_no_other_word_of_the_model():
    missed = alike.near_misses("no", 12, avoid=["go"])
    assert len(missed) == 12 and not {"no", "know", "go"} & set(missed)
    target = alike.phonemes("no")
    assert all(0.5 <= alike.distance(alike.phonemes(word), target) <= 2 for word in missed)
    assert "otto" in alike.near_misses("hey otto", 6)
    with pytest.raises(UserError, match="no voice can say"):
        alike.near_misses("?", 3)


def test_a_plan_uses_all_engines_and_takes_voices_in_turn():
    jobs = spoken.plan("hey otto", "hey_otto", range(200), ["espeak-ng", "pico"], 1, ())
    assert {job.engine for job in jobs} == {"espeak-ng", "pico"}
    voices = [job.voice for job in jobs if job.engine == "espeak-ng"]
    assert len(set(voices)) == len(voices) > 100
    assert jobs == spoken.plan("hey otto", "hey_otto", range(200), ["espeak-ng", "pico"], 1, ())
    assert any(job.pause for job in jobs) and any(job.sentence[0] for job in jobs)


def test_a_word_stays_whole_in_a_sentence():
    word = np.sin(np.arange(4000) * 0.5).astype(np.float32)
    around = (np.full(9000, 0.2, np.float32), np.full(9000, 0.2, np.float32))
    clip = spoken.compose(Spoken(word, around), RATE, np.random.default_rng(2)).astype(float)
    likeness = np.correlate(clip, word, "valid").max() / np.linalg.norm(word)
    assert likeness > 0.9 * clip.max() * np.linalg.norm(word)
    assert np.mean(np.abs(clip) > 0.1 * clip.max()) > 0.6  # there is something around it


@pytest.mark.slow
def test_a_clip_that_says_something_else_is_found(monkeypatch):
    """Two of six clips labelled "seven" say other words."""
    monkeypatch.setattr(check, "CONTRASTS", ("no", "house", "right"))
    monkeypatch.setattr(check, "JUDGES", (("espeak-ng", ("en-us+m3", "en-us+f2", "en-gb+m7")),))
    said = [("pico", "en-GB", "seven"), ("pico", "en-US", "seven"), ("flite", "slt", "seven")]
    said += [("flite", "rms", "seven"), ("pico", "en-GB", "no"), ("flite", "slt", "right")]
    jobs = [Job("seven", "seven", n, e, v, 1.0, 1.0) for n, (e, v, _) in enumerate(said)]
    results = [Spoken(find(e).say(word, v)) for e, v, word in said]
    told = spoken.check_clips(jobs, results, check.judges(["seven"]))
    wrong = [verdict.wrong for verdict in told]
    assert wrong == [False] * 4 + [True] * 2


def test_words_and_near_misses_become_a_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(spoken, "map_tasks", here)
    told = synth(
        tmp_path / "ds",
        *("hey otto", "--voices", "espeak-ng,pico", "--near-misses", 2, "--count", 4),
        *("--seconds", 1.5, "--no-check"),
    )
    assert told.exit_code == 0, told.output
    rows = metadata.load(tmp_path / "ds").rows
    assert sorted(row.label for row in rows) == ["hey_otto"] * 4 + ["unknown"] * 4
    assert all(row.speaker.startswith(f"{row.device}-") for row in rows)
    assert {"otto", "hey"} == {row.note.split(",")[0] for row in rows if row.label == "unknown"}


def test_a_voice_that_fails_is_told_and_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(spoken, "map_tasks", here)
    good = find("pico").say

    def say(text, voice, speed=1.0, pitch=1.0):
        if voice == "en-GB":
            raise UserError("pico en-GB returns silence for 'yes'")
        return good(text, voice, speed, pitch)

    monkeypatch.setattr(find("pico"), "say", say)
    told = synth(tmp_path / "ds", "yes", "--voices", "pico", "--count", 3, "--no-check")
    assert told.exit_code == 0, told.output
    assert "Warning: pico en-GB: pico en-GB returns silence" in told.output
    assert {row.speaker for row in metadata.load(tmp_path / "ds").rows} == {"pico-en-US"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "--voices", "pico"], "can't be made a label"),
        (["?!", "--voices", "pico"], "no voice can say '?!': write it in letters"),
        (["yes", "--voices", "pic"], "no speech engine is called 'pic': did you mean pico"),
        (["yes", "--voices", "pico", "--piper", "x.onnx"], "x.onnx: no Piper voice"),
        (["yes", "--near-misses", "3"], "--near-misses, --no-check and --piper need --voices"),
        (["yes " * 20, "--voices", "pico", "--no-check"], "some voices need over 1 s for it"),
    ],
)
def test_bad_input_makes_nothing(arguments, said, tmp_path, monkeypatch):
    monkeypatch.setattr(spoken, "map_tasks", here)
    done = synth(tmp_path / "ds", *arguments, "--count", 1)
    assert done.exit_code == 1 and said in done.output, done.output
    assert done.output.count("\n") == 1
    assert not (tmp_path / "ds").exists()


def test_an_engine_that_is_missing_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(find("pico"), "problem", lambda: "SVOX Pico is missing: pip install it")
    done = synth(tmp_path / "ds", "yes", "--voices", "pico", "--count", 1)
    assert done.exit_code == 1 and "pico: SVOX Pico is missing: pip install it" in done.output
    assert registry.choose("all")[1][0].startswith("pico is left out")
