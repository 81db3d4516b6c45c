"""The tutorials' models, briefly trained from their specs, on the virtual Pico."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from otolith.compile import model_hash
from otolith.compile.metadata import read_metadata
from otolith.data.synthetic import clip
from otolith.deploy.scenario import Segment, concatenate, judge
from otolith.device import Client, VirtualTransport
from otolith.firmware.hear import through_virtual_microphone
from otolith.listen.chain import Chain
from otolith.listen.ending import memory_ms
from otolith.paths import MODELS, ROOT
from otolith.settings.spec import Spec, load
from otolith.synth.alarm import T3, alarm_clip, background_clip
from otolith.train import train
from otolith.virtual import boot
from support.images import build
from support.parity import assert_same

pytestmark = [pytest.mark.slow, pytest.mark.soak]
RATE = 16000


def shorter(spec: Spec, clips: int, epochs: int, **settings) -> Spec:
    """The spec with less training, on synthesised sounds only, even if there are recordings."""
    data = dataclasses.replace(
        spec.data, train_clips=clips, validate_clips=120, test_clips=240, path="/nowhere"
    )
    learnt = dataclasses.replace(spec.train, epochs=epochs, **settings)
    return dataclasses.replace(spec, data=data, train=learnt)


def trained(spec: Spec, folder: Path) -> Path:
    metrics = train(spec, folder)
    assert abs(metrics.int8_accuracy - metrics.float_accuracy) < 0.05
    return folder / f"{spec.model.name}.tflite"


def heard(image: Path, tflite: Path, segments: list[Segment]):
    """Outcomes and detections at the virtual microphone. No hop may be lost."""
    data = tflite.read_bytes()
    heard = through_virtual_microphone(image, concatenate(segments), model_hash(data))
    assert heard.stats and all(s["overruns"] == 0 and s["dropped"] == 0 for s in heard.stats)
    outcomes = judge(segments, heard.detections, memory_ms(read_metadata(data)))
    print([(o.name, o.latency_ms, o.wrong) for o in outcomes], heard.stats[-1]["cpu"])
    return outcomes


def same_as_here(image: Path, tflite: Path, pcm: np.ndarray) -> list:
    """Compare injected sound with the chain on this computer. Returns the events."""
    with boot(image) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        result = client.inject(pcm)
    assert_same(result, list(Chain(tflite).run(pcm)))
    return result.events


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> tuple[Spec, Path, Path]:
    """micro_speech: spec, .tflite, image."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    spec = shorter(load(MODELS / "micro_speech"), clips=3000, epochs=20)
    folder = tmp_path_factory.mktemp("micro_speech")
    tflite = trained(spec, folder)
    return spec, tflite, build("pico", tflite.read_bytes(), folder)


def spoken_scene(spec: Spec) -> list[Segment]:
    """yes and no by voices of the test set, and sounds that are in no set.

    The network recognises three of four such words (docs/tutorials/micro_speech.md). These two have
    high scores.
    """
    segments = []
    for place, label in enumerate(("silence", "yes", "silence", "no", "silence")):
        pcm = clip(spec, label, round(1.5 * RATE), "test", (0x5D3, place))
        segments.append(Segment(label, label if label in spec.detect.thresholds else None, pcm))
    return segments


def test_micro_speech_hears_yes_and_no(words):
    spec, tflite, image = words
    outcomes = heard(image, tflite, spoken_scene(spec))
    assert all(o.right for o in outcomes)


def test_micro_speech_on_the_board_is_the_chain(words):
    spec, tflite, image = words
    assert same_as_here(image, tflite, concatenate(spoken_scene(spec)[:4]))


@pytest.fixture(scope="module")
def alarm(tmp_path_factory) -> tuple[Path, Path]:
    """fire_alarm_transfer trained on its base: .tflite, image."""
    base = tmp_path_factory.mktemp("base")
    spec = load(MODELS / "fire_alarm_transfer")
    shutil.copy(ROOT / spec.train.base / "spec.toml", base)
    trained(shorter(load(base), clips=880, epochs=10), base)
    folder = tmp_path_factory.mktemp("alarm")
    tflite = trained(shorter(spec, clips=1600, epochs=12, base=str(base)), folder)
    assert Chain(tflite).network.outputs[0].shape[-1] == 1  # one sigmoid output for two classes
    return tflite, build("pico", tflite.read_bytes(), folder)


def alarm_scene() -> list[Segment]:
    rng = np.random.default_rng(0xF1E)
    return [
        Segment("background", None, background_clip(rng, 3 * RATE)),
        Segment("fire_alarm", "fire_alarm", alarm_clip(rng, 6 * RATE, T3, low=False)),
        Segment("background", None, background_clip(rng, 3 * RATE)),
    ]


def test_the_alarm_on_a_new_head_is_heard(alarm):
    outcomes = heard(alarm[1], alarm[0], alarm_scene())
    assert all(o.right for o in outcomes)


def test_the_alarm_on_the_board_is_the_chain(alarm):
    pcm = np.concatenate([s.pcm[: 2 * RATE] for s in alarm_scene()])
    same_as_here(alarm[1], alarm[0], pcm)
