"""An MLTK .tflite runs through the chain unchanged: its parameters serve as metadata."""

import numpy as np
import pytest
from test_mltk_settings import ENTRIES, dictionary, tflite

from otolith.audio import read_pcm
from otolith.compile.engine import HostModel
from otolith.compile.metadata import read_metadata
from otolith.compile.mltk_model import mltk_metadata
from otolith.errors import UserError
from otolith.features import extract, input_quantizer, preset, quantize
from otolith.listen.chain import Chain
from support.front_ends import changed, told, with_metadata
from support.skips import recordings, third_party_model


def parameters(*changes):
    names = [("classes", 13, ["on", "off", "_unknown_"]), ("latency_ms", 3, 100)]
    entries = [e for e in ENTRIES if e[0] != "classes"] + names + list(changes)
    # a later entry of a key wins
    return tflite(dictionary(entries))


def test_times_become_hops():
    changes = [("average_window_duration_ms", 6, 450), ("minimum_count", 3, 2)]
    found = told(parameters(*changes, ("detection_threshold", 3, 204)))
    assert found["classes"] == ["on", "off", "_unknown_"]
    assert found["deploy"] == {"hop_frames": 10}  # 100 ms of 10 ms
    assert found["detect"] == {
        "thresholds": {"on": 0.8, "off": 0.8},
        "gate": 0,
        "smoothing": 4,
        "minimum_count": 2,
        "suppression_hops": 15,
    }
    assert found["features"]["input"] == "tflm" and found["features"]["bands"] == 104


def test_ours_comes_before_mltks():
    data = parameters()
    table = {**told(data), "name": "mine"}
    assert told(with_metadata(data, table)) == table


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("latency_ms", 12, "soon"), "latency_ms is 'soon'"),
        (("detection_threshold", 5, 300), "detection_threshold is 300"),
        (("minimum_count", 10, 2.5), "minimum_count is 2.5"),
        (("classes", 3, 4), "name no list of 1 to 32 classes"),
    ],
)
def test_what_makes_no_sense_is_one_line(change, said):
    with pytest.raises(UserError, match=said) as error:
        mltk_metadata(parameters(change))
    assert "\n" not in error.value.message


def test_parameters_for_another_front_end_leave_a_plain_network():
    data = parameters(("samplewise_norm.mean_and_std", 1, True))
    assert read_metadata(data) is None
    with pytest.raises(UserError, match="samplewise"):
        mltk_metadata(data)


def test_parameters_without_audio_are_left_alone():
    assert mltk_metadata(tflite(dictionary([("latency_ms", 3, 1)]))) is None


def model_and_clip(name, word):
    model, clip = third_party_model(name), recordings("speech", f"{word}_1000ms.wav")
    return model.read_bytes(), read_pcm(clip, resample=True)


@pytest.mark.parametrize("word", ["yes", "no", "noise", "silence"])
def test_mltks_model_hears_yes_and_no_as_it_is(word):
    model, pcm = model_and_clip("mltk_micro_speech.tflite", word)
    chain = Chain(model)
    assert chain.labels == ["yes", "no", "_unknown_", "_silence_"]
    assert chain.hop == 5 * 320  # 100 ms
    heard = {h.event[0] for h in chain.run(np.pad(pcm, (8000, 16000))) if h.event}
    assert heard == ({word} if word in ("yes", "no") else set())


@pytest.mark.parametrize(
    ("word", "best"), [("yes", "yes"), ("no", "no"), ("noise", "silence"), ("silence", "silence")]
)
def test_tflms_micro_speech_behind_its_front_end(word, best):
    model, pcm = model_and_clip("micro_speech.tflite", word)
    settings = changed(preset("micro_speech"), input="tflm")
    net = HostModel(model)
    source = net.network.inputs[0]
    q = input_quantizer(settings, float(source.scale), source.zero_point)
    window = quantize(extract(pcm, settings)[: settings.frames], q)
    scores = net.invoke(window.reshape(net.input_shapes[0])).ravel()
    assert ["silence", "unknown", "yes", "no"][scores.argmax()] == best
