"""The committed networks for words and sounds: they are what spec and figures say."""

import json

import pytest

from otolith.audio import RATE, read_pcm
from otolith.compile.metadata import read_metadata
from otolith.data.synthetic import clip
from otolith.features import room_of
from otolith.listen.chain import Chain
from otolith.listen.decide import decide
from otolith.listen.heard import score
from otolith.paths import MODELS
from otolith.settings.spec import load
from support.skips import recordings


@pytest.mark.parametrize("name", ["environment", "keyword", "on_off"])
def test_a_committed_network_is_the_one_of_its_spec_and_its_figures(name):
    folder = MODELS / name
    data = (folder / f"{name}.tflite").read_bytes()
    spec, metadata = load(folder), read_metadata(data)
    assert metadata.classes == spec.model.classes
    assert metadata.features.frames == spec.features.frames
    assert metadata.detect.smoothing == spec.detect.smoothing
    told = spec.detect.thresholds
    assert metadata.detect.thresholds == pytest.approx(told, abs=0.01)
    assert name == "environment" or "people's takes" in metadata.other["data"]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["hash"] == Chain(data).network.digest


def test_smart_lock_small_is_the_network_of_its_figures_hears_bolts_and_no_rain():
    """Generated bolts of keys that no set has; rain of a fold that had no part in training."""
    folder = MODELS / "smart_lock_small"
    data, spec = (folder / "smart_lock_small.tflite").read_bytes(), load(folder)
    metadata, chain = read_metadata(data), Chain(data)
    assert metadata.classes == spec.model.classes and metadata.features == spec.features
    assert json.loads((folder / "metrics.json").read_text())["hash"] == chain.network.digest
    heard = 0
    for number in range(12):
        bolt = clip(spec, "locking", spec.features.samples, "test", (0xB017, number))
        room = room_of(bolt, RATE)
        found = score(chain, [room, bolt, room])
        heard += any(e.label == "locking" for e in decide(found, metadata.detect, metadata.classes))
    assert heard >= 6
    (rain,) = recordings("esc10").glob("* - Rain")
    for file in sorted(rain.glob("3-*.ogg"))[:3]:
        found = score(chain, [read_pcm(file, resample=True)])
        assert not decide(found, metadata.detect, metadata.classes)


def test_keyword_hears_a_yes_of_another_data_set_at_some_threshold_and_stays_silent_in_rain():
    """The clip is TensorFlow Lite Micro's; ESC-10's third fold had no part in training."""
    data = (MODELS / "keyword" / "keyword.tflite").read_bytes()
    metadata = read_metadata(data)
    yes = read_pcm(recordings("speech") / "yes_1000ms.wav", resample=True)
    room = room_of(yes, 2 * RATE)
    found = score(Chain(data), [room, yes, room[:RATE]])
    best = found.scores.max(0)
    assert metadata.classes[int(best[1:].argmax()) + 1] == "yes" and best[1] > 16384
    (folder,) = recordings("esc10").glob("* - Rain")
    for file in sorted(folder.glob("3-*.ogg"))[:4]:
        heard = score(Chain(data), [read_pcm(file, resample=True)])
        assert not decide(heard, metadata.detect, metadata.classes)
