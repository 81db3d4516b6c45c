"""Speech engines: what they say, and what they refuse."""

import numpy as np
import pytest

from otolith.audio import RATE
from otolith.errors import UserError
from otolith.voices import base, registry
from otolith.voices.base import Engine
from otolith.voices.espeak_ng import EspeakNg

SMALL = ("espeak-ng", "flite", "pico")  # `make setup` installs these


class Fake(Engine):
    """An engine that returns what a test wants."""

    name, about, licence = "fake", "", ""

    def __init__(self, sound=None):
        self.result = np.sin(np.arange(RATE) * 0.3) if sound is None else sound
        self.asked = []

    def problem(self):
        return None

    def voices(self):
        return ("anna", "bert")

    def sound(self, text, voice, speed, pitch):
        self.asked.append((speed, pitch))
        return self.result, RATE


@pytest.mark.parametrize("name", SMALL)
def test_small_engines_speak_with_every_voice(name):
    engine = registry.find(name)
    assert engine.problem() is None, "run `make setup`"
    voices = engine.voices()
    said = [engine.say("seven", voice) for voice in voices[:: max(1, len(voices) // 6)]]
    for sound in said:
        assert sound.dtype == np.float32
        assert 0.2 * RATE < len(sound) < 1.5 * RATE
        assert 0.05 < np.abs(sound).max() <= 1
    assert len({sound.tobytes() for sound in said}) == len(said), "two voices are the same"


def pitch_of(sound):
    """Fundamental frequency in Hz by autocorrelation of the loudest 100 ms, 60 to 400 Hz."""
    n = RATE // 10
    at = int(np.convolve(sound**2, np.ones(n), "valid").argmax())
    piece = sound[at : at + n] - sound[at : at + n].mean()
    lags = np.correlate(piece, piece, "full")[n - 1 :]
    return RATE / (RATE // 400 + int(lags[RATE // 400 : RATE // 60].argmax()))


@pytest.mark.parametrize(("name", "voice"), [("espeak-ng", "en-us+m3"), ("flite", "kal16")])
def test_speed_and_pitch_are_factors(name, voice):
    engine = registry.find(name)
    plain = engine.say("no no no", voice)
    assert len(engine.say("no no no", voice, speed=1.5)) < 0.85 * len(plain)
    high = engine.say("no no no", voice, pitch=1.3)
    assert pitch_of(high) / pitch_of(plain) == pytest.approx(1.3, rel=0.2)
    assert len(high) == pytest.approx(len(plain), rel=0.3)  # flite's stretch is no exact factor


def test_an_accent_of_espeak_ng_keeps_its_variants():
    """espeak-ng -v en-gb+f2 speaks without the variant; the engine names files instead."""
    engine = EspeakNg()
    british = [engine.say("yes", v) for v in engine.voices() if v.startswith("en-gb+")][:6]
    assert len({sound.tobytes() for sound in british}) == 6


def test_an_engine_without_pitch_resamples():
    fake = Fake()
    sound = fake.say("la", "anna", speed=1.2, pitch=1.25)
    assert fake.asked == [(pytest.approx(1.2 / 1.25), 1.0)]
    assert len(sound) == pytest.approx(RATE / 1.25, rel=0.02)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the text is empty"),
        (" \n", "the text is empty"),
        ("?!", "no voice can say '\\?!': write it in letters"),
        ("a\x1b[2J", "no voice can say"),
        ("la " * 200, "too long: 300 at most"),
    ],
)
def test_texts_that_no_voice_can_say(text, said):
    with pytest.raises(UserError, match=said):
        Fake().say(text, "anna")


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (np.zeros(RATE), "fake anna returns silence for 'yes'"),
        (np.zeros(0), "returns silence"),
        (np.full(RATE, np.nan), "samples that are no numbers"),
        (np.eye(1, RATE, 8000)[0], "returns a click"),
    ],
)
def test_sounds_that_are_no_speech(sound, said):
    with pytest.raises(UserError, match=said):
        Fake(sound).say("yes", "anna")


def test_unknown_names_get_the_nearest():
    with pytest.raises(UserError, match="fake has no voice 'ana': did you mean anna"):
        Fake().say("yes", "ana")
    with pytest.raises(UserError, match="no speech engine is called 'espeak': did you mean espeak"):
        registry.find("espeak")
    with pytest.raises(UserError, match="did you mean kokoro"):
        registry.choose("all,kokorro")
    with pytest.raises(UserError, match="names no engine"):
        registry.choose(" , ")


def test_missing_engines_say_how_to_get_them(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match="espeak-ng is missing: sudo apt-get install -y espeak-ng"):
        registry.choose("pico,espeak-ng,flite")
    names, left_out = registry.choose("all")
    assert "pico" in names and "flite" not in names
    assert any(line.startswith("flite is left out: flite is missing") for line in left_out)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("kill -SEGV $$", r"x failed \(signal 11\)"),
        ("echo no data >&2; exit 3", r"x failed \(code 3\): no data"),
        ("sleep 9", "x did not answer within 1 s"),
    ],
)
def test_programs_that_crash_or_hang(program, said, monkeypatch):
    monkeypatch.setattr(base, "TIMEOUT_S", 1)
    with pytest.raises(UserError, match=said):
        base.run("x", ["sh", "-c", program])


def test_files_that_are_no_piper_voices(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no network")
    with pytest.raises(UserError, match=r"a\.onnx\.json: not the settings of a Piper voice"):
        registry.add_piper([tmp_path / "a.onnx"])
    (tmp_path / "a.onnx.json").write_text('{"num_speakers": 1e9}')
    with pytest.raises(UserError, match="num_speakers must be from 1 to 10000"):
        registry.add_piper([tmp_path / "a.onnx"])
    with pytest.raises(UserError, match=r"b\.wav: no Piper voice"):
        registry.add_piper([tmp_path / "b.wav"])


@pytest.mark.soak
@pytest.mark.parametrize("name", ["festival", "piper", "kokoro"])
def test_large_engines_speak(name):
    """`make soak` installs them: host setup --voices."""
    engine = registry.find(name)
    assert engine.problem() is None
    for voice in (engine.voices()[0], engine.voices()[-1]):
        slow, fast = (engine.say("hey otto", voice, speed) for speed in (0.8, 1.4))
        assert 0.3 * RATE < len(slow) < 2 * RATE
        assert len(fast) < len(slow) or voice.endswith("hts")
        assert engine.speaker(voice).startswith(f"{name}-")
