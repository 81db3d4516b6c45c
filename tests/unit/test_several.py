"""Several networks behind one front end: each hears what it hears alone."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile.adopt import adopt_manifest
from otolith.compile.several import GATE_HOPS, compile_several
from otolith.errors import UserError
from otolith.evaluate.several import models_of
from otolith.listen.chain import Chain
from otolith.listen.several import SeveralChain
from support.front_end_model import network, settings
from support.wake_words import adopted, manifest, spoken

NAMES = ["alexa", "hey_jarvis", "mww_vad"]
MODELS = [(adopted(name), name) for name in NAMES]


def said():
    """Two people: "alexa", then "jarvis", and silence between them."""
    (first,), (_, second) = spoken("alexa", 1), spoken("jarvis", 2)
    return np.concatenate([first, np.zeros(24000, np.int16), second])


@pytest.fixture(scope="module")
def together():
    return SeveralChain(MODELS)


@pytest.mark.slow
def test_each_network_hears_what_it_hears_alone(together):
    """Of two wake words both are heard in one recording (esphome/esphome#17538)."""
    together.reset()
    hops = list(together.run(said()))
    heard = {of.model: of.hop.event[0] for hop in hops for of in hop if of.hop.event}
    assert heard["alexa"] == "Alexa" and heard["hey_jarvis"] == "Hey Jarvis"
    for number, (data, name) in enumerate(MODELS):
        alone = list(Chain(data).run(said()))
        assert len(alone) == len(hops)
        for expected, hop in zip(alone, hops, strict=True):
            got = hop[number].hop
            assert hop[number].model == name
            np.testing.assert_array_equal(got.features, expected.features)
            assert (got.q is None) == (expected.q is None)
            assert got.q is None or (got.q == expected.q).all()
            assert (got.event, got.decision, got.level, got.t_ms) == (
                expected.event,
                expected.decision,
                expected.level,
                expected.t_ms,
            )


@pytest.mark.slow
def test_a_voice_activity_network_gates_the_others():
    gated = SeveralChain(MODELS, gate="mww_vad")
    assert gated.names == ["mww_vad", "alexa", "hey_jarvis"]
    open_for, words = 0, 0
    for hop in gated.run(said()):
        vad, alexa = hop[0].hop, hop[1].hop
        if vad.q is None:
            continue
        open_for = GATE_HOPS + 1 if vad.decision == "vad" else max(0, open_for - 1)
        assert alexa.decision != "Alexa" or open_for > 0 or alexa.smoothed[1] > 0
        words += alexa.event is not None
    assert words == 1
    quiet = [hop[0].hop.decision for hop in gated.run(np.zeros(48000, np.int16))]
    assert quiet[-1] != "vad"


def test_a_closed_gate_makes_scores_count_as_nothing():
    """Thresholds of the gate that it never reaches."""
    never = adopt_manifest(manifest("mww_vad"), thresholds={"": 1.0})[0]
    gated = SeveralChain([MODELS[0], (never, "mww_vad")], gate="mww_vad")
    hops = [hop[1].hop for hop in gated.run(said())]
    assert max(int(h.scores[1]) for h in hops if h.scores is not None) > 30000
    assert not any(h.smoothed[1] for h in hops if h.smoothed is not None)
    assert not any(h.event for h in hops)


def test_what_does_not_fit_together_is_refused():
    other = adopt_manifest(manifest("alexa"), "second")[0]
    old = adopted("mww_v1_okay_nabu")
    for models, gate, expected in (
        (MODELS[:1], None, "1 networks in one image: 2 to 8"),
        ([MODELS[0], MODELS[0]], None, "two networks are called alexa"),
        ([MODELS[0], (other, "")], "vad", "no network vad to gate the others: alexa, second"),
        ([MODELS[0], (old, "")], None, "different front ends"),
        ([MODELS[0], (network(settings("keyword")), "")], None, "different front ends"),
    ):
        with pytest.raises(UserError, match=expected):
            compile_several(models, gate)


@pytest.fixture
def folder(tmp_path):
    """Three models and a folder that lists them."""
    for data, name in MODELS:
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.tflite").write_bytes(data)
    (tmp_path / "wake").mkdir()
    return tmp_path


def listed(folder, text):
    (folder / "wake" / "spec.toml").write_text(text)
    return folder / "wake"


def test_a_folder_lists_models(folder):
    wake = listed(folder, '[deploy]\nmodels = ["alexa", "mww_vad"]\ngate = "mww_vad"\n')
    found = models_of([wake])
    assert [file.tflite.stem for file in found.files] == ["alexa", "mww_vad"]
    assert found.gate == "mww_vad" and found.named[0] == MODELS[0]
    several = models_of([folder / "alexa", folder / "hey_jarvis"])
    assert len(several.files) == 2 and several.gate is None
    with pytest.raises(UserError, match="a gate is for several networks"):
        models_of([folder / "alexa"], "alexa")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models = 5", "[deploy] models = 5: must be a list of names"),
        ("models = []", "must be a list of names"),
        ('models = ["../x"]', "must be a folder or .tflite beside this one"),
        ('models = ["wake"]', "must be a folder or .tflite beside this one"),
        ('models = ["alexa", "alexander"]', "no such file"),
        ('models = ["alexa"]\ngate = "vad"', "[deploy] gate = 'vad': must be one of models"),
        ('models = ["alexa"]\ngates = "alexa"', "has no key gates"),
    ],
)
def test_a_list_that_is_wrong_is_refused(folder, text, said):
    with pytest.raises(UserError) as error:
        models_of([listed(folder, f"[deploy]\n{text}\n")])
    assert said in error.value.message and "spec.toml" in error.value.message


@pytest.mark.slow
def test_the_command_tells_which_network_heard_it(folder):
    wake = listed(folder, '[deploy]\nmodels = ["alexa", "hey_jarvis", "mww_vad"]\n')
    sound = folder / "said.wav"
    soundfile.write(sound, said(), 16000)
    done = CliRunner().invoke(main, ["classify", str(sound), "--model", str(wake), "--json"])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert lines[0]["models"] == NAMES
    heard = {line["model"]: line["label"] for line in lines if line["event"] == "detect"}
    assert heard == {"alexa": "Alexa", "hey_jarvis": "Hey Jarvis", "mww_vad": "vad"}
    plain = CliRunner().invoke(main, ["classify", str(sound), "--model", str(wake)])
    assert any("Alexa" in line and "alexa" in line for line in plain.output.splitlines())
