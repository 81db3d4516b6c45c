"""microWakeWord's networks, adopted: steps and decisions equal the reference's."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tflite_micro
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile.metadata import read_metadata
from otolith.compile.pipeline import pipeline_of
from otolith.compile.read import read
from otolith.errors import UserError
from otolith.evaluate.models import Ear, ModelFile
from otolith.features import input_quantizer, preset, quantize
from otolith.listen.chain import Chain
from support.soak import depth
from support.wake_words import adopted, manifest, reference, spoken

WORDS = {  # network -> recordings
    "alexa": "alexa",
    "hey_jarvis": "jarvis",
    "hey_mycroft": "jarvis",
    "okay_nabu": "alexa",
    "mww_vad": "alexa",
    "mww_choo_choo_homie": "jarvis",
}


@pytest.mark.deep
@pytest.mark.parametrize("name", WORDS)
def test_every_step_and_decision_is_the_references(name):
    chain, heard, steps = Chain(adopted(name)), 0, 0
    for pcm in spoken(WORDS[name], depth(3, 200)):
        chain.reset()
        expected = reference(name, pcm)
        hops = [hop for hop in chain.run(pcm) if hop.q is not None]
        hops = hops[: len(expected)]  # the last one may end in zeros that complete the hop
        assert len(hops) >= len(expected) - 1
        steps += len(hops)
        for hop, step in zip(hops, expected, strict=False):
            assert int(hop.q[0]) + 128 == step.output
            assert (hop.decision == chain.labels[1]) == step.heard
        heard += any(step.heard for step in expected)
    assert steps > 200
    assert bool(heard) == (name in ("alexa", "hey_jarvis", "mww_vad"))


def test_a_reset_forgets_the_state():
    chain = Chain(adopted("alexa"))
    (pcm,) = spoken("alexa", 1)
    first = [hop.q for hop in chain.run(pcm)]
    assert any(hop.event == ("Alexa", hop.event[1]) for hop in chain.run(pcm) if hop.event)
    chain.reset()
    again = [hop.q for hop in chain.run(pcm)]
    assert all((a is None) == (b is None) for a, b in zip(first, again, strict=True))
    assert all((a == b).all() for a, b in zip(first, again, strict=True) if a is not None)


def test_there_is_no_window_in_ram():
    """Four rows of features, each twice, beside the network's own state."""
    model = read(adopted("okay_nabu"), "model")
    assert pipeline_of(model.metadata, model.graph).window_bytes == 2 * 4 * 40


@pytest.mark.parametrize("scale", [0.10196079313755035, 0.10217524319887161])
def test_input_values_are_rounded_as_numpy_rounds_them(scale):
    front_end = replace(preset("micro_speech"), input="nearest")
    values = np.arange(0, 2000)
    expected = np.clip(np.round(values * 0.0390625 / scale - 128), -128, 127)
    got = quantize(values.astype(np.int16), input_quantizer(front_end, scale, -128))
    np.testing.assert_array_equal(got, expected)


def test_version_1_steps_by_single_frames_of_20_ms():
    """pymicro-wakeword reads only version 2, so the interpreter gets the features here."""
    data = adopted("mww_v1_okay_nabu")
    interpreter = tflite_micro.runtime.Interpreter.from_bytes(data)
    chain = Chain(data)
    (pcm,) = spoken("alexa", 1)
    q = input_quantizer(chain.metadata.features, 0.10196079313755035, -128)
    count = 0
    for hop in chain.run(pcm):
        if hop.q is None:
            continue
        assert len(hop.features) == 1
        interpreter.set_input(quantize(hop.features, q).reshape(1, 1, 40), 0)
        interpreter.invoke()
        assert int(hop.q[0]) + 128 == int(interpreter.get_output(0).ravel()[0])
        count += 1
    assert count > 50


def test_the_command_writes_a_model_that_others_take(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    done = runner.invoke(main, ["adopt", str(manifest("alexa")), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["classes"] == ["background", "Alexa"]
    model = tmp_path / "models" / "alexa" / "alexa.tflite"
    assert model.read_bytes() == adopted("alexa")
    assert runner.invoke(main, ["summarize", str(model.parent)]).exit_code == 0
    shown = runner.invoke(
        main, ["adopt", str(manifest("alexa")), "--threshold", "0.5", "--name", "a"]
    )
    assert "events: Alexa >= 0.50" in shown.output
    metadata = read_metadata((tmp_path / "models" / "a" / "a.tflite").read_bytes())
    assert metadata.detect.thresholds == {"Alexa": 0.5}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--features", "keyword"], "the manifest says them"),
        (["--hop-frames", "2"], "steps as it was made"),
        (["--threshold", "Nabu=0.5"], "is no class of the model"),
    ],
)
def test_options_that_contradict_the_manifest_are_refused(options, said, tmp_path):
    out = tmp_path / "x.tflite"
    done = CliRunner().invoke(main, ["adopt", str(manifest("alexa")), "-o", str(out), *options])
    assert done.exit_code == 1 and said in done.output and not out.exists()


def test_a_window_of_a_network_with_a_state_is_not_judged_alone(tmp_path):
    file = tmp_path / "alexa.tflite"
    file.write_bytes(adopted("alexa"))
    ear = Ear(ModelFile(file, None))
    with pytest.raises(UserError, match="--stream"):
        ear.scores(np.zeros(ear.samples, np.int16))
