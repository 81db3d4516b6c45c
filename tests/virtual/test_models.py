"""The ready-made models on the virtual Pico.

`make test` builds networks untrained. The board must need the estimated time. `make soak` trains
each model briefly from its spec, and the board must recognise newly synthesised sounds through its
microphone.
"""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from otolith.compile.metadata import read_metadata
from otolith.deploy.scenario import concatenate, judge
from otolith.deploy.scenes import scene
from otolith.device import Client, VirtualTransport
from otolith.firmware.hear import through_virtual_microphone
from otolith.listen.chain import Chain
from otolith.listen.ending import memory_ms
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.summarize.realtime import of_file
from otolith.train.feasible import untrained
from otolith.virtual import boot
from support.images import build
from support.lively import lively
from support.shared import trained
from support.soak import depth

pytestmark = pytest.mark.slow

# name: epochs, training clips, minimum shares of test windows and scene segments to get right
READY = {
    "smart_lock_small": (40, 4000, 0.85, 0.7),
    "keyword": (24, 1200, 0.6, 0.5),
    "on_off": (24, 900, 0.65, 0.6),
}


# "keyword" has the front end of "smart_lock_small", too, and the tutorial's lock such a network
@pytest.fixture(
    scope="module",
    params=[pytest.param("smart_lock_small", marks=pytest.mark.soak), "keyword", "on_off"],
)
def plain(request, tmp_path_factory):
    """(spec, .tflite, image, chain) of an untrained model."""
    spec = load(MODELS / request.param)
    data = lively(spec)
    return spec, data, build("pico", data, tmp_path_factory.mktemp(request.param)), Chain(data)


@pytest.fixture(scope="module", params=list(READY))
def ready(request, tmp_path_factory):
    """(spec, .tflite, image, chain) of a trained model."""
    name = request.param
    epochs, clips, least, _ = READY[name]
    spec = load(MODELS / name)
    if spec.data.synth == "keyword" and shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    spec = dataclasses.replace(
        spec,
        # fewer sounds but as many steps, because batch normalisation needs them
        train=dataclasses.replace(spec.train, epochs=epochs, batch=24, variants=2),
        data=dataclasses.replace(
            spec.data, path="no/such", train_clips=clips, validate_clips=160, test_clips=160
        ),
    )
    folder = trained(spec)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["int8_accuracy"] > least
    assert metrics["data"] == f"synthesised sounds ({spec.data.synth})"
    data = (folder / f"{name}.tflite").read_bytes()
    assert read_metadata(data).other["data"] == metrics["data"]
    return spec, data, build("pico", data, tmp_path_factory.mktemp(name)), Chain(data)


@pytest.mark.soak
def test_it_hears_what_it_should_and_keeps_up(ready):
    spec, data, image, chain = ready
    segments = scene(spec, 7)
    pcm = concatenate(segments)
    heard = through_virtual_microphone(image, pcm, chain.network.digest)
    outcomes = judge(segments, heard.detections, memory_ms(read_metadata(data)))
    print([(o.name, o.first, o.wrong) for o in outcomes])
    assert sum(o.right for o in outcomes) >= READY[spec.model.name][3] * len(outcomes)
    assert any(o.first for o in outcomes)
    as_estimated(spec, data, heard)


def as_estimated(spec, data, heard):
    """Check the estimate made before any build, with its error bar, against the board."""
    expected = of_file(data, spec.model.name, "pico")
    stats = [s for s in heard.stats if s["infer_us"]][1:]
    assert stats
    for key, told, error in (
        ("pdm_us", expected.microphone_ms, 0.05),
        ("feature_us", expected.features_ms, 0.05),
        ("infer_us", expected.network_ms, expected.error),
    ):
        assert np.mean([s[key] for s in stats]) / 1000 == pytest.approx(told, rel=error)
    assert expected.keeps_up and all(s["overruns"] == 0 for s in heard.stats)


def test_it_needs_the_time_that_was_estimated(plain):
    spec, data, image, chain = plain
    pcm = np.random.default_rng(1).normal(0, 2000, 40_000).astype(np.int16)
    heard = through_virtual_microphone(image, pcm, chain.network.digest)
    as_estimated(spec, data, heard)


@pytest.mark.soak
def test_the_board_says_what_the_chain_says(ready):
    same_on_the_board(*ready)


@pytest.mark.soak  # test_front_ends.py does the same with each front end
def test_untrained_the_board_says_what_the_chain_says(plain):
    same_on_the_board(*plain)


def same_on_the_board(spec, _, image, chain):
    pcm = concatenate(scene(spec, 8)[:3])[: 16_000 * depth(2, 60)]
    with boot(image) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        result = client.inject(pcm)
    chain.reset()
    hops = list(chain.run(pcm))
    scored = [hop for hop in hops if hop.q is not None]
    assert result.hops == len(hops) and len(scored) >= 10
    np.testing.assert_array_equal(result.outputs, [hop.q for hop in scored])
    np.testing.assert_array_equal(result.smoothed, [hop.smoothed for hop in scored])
    assert [(e["t_ms"], e["label"]) for e in result.events] == [
        (hop.t_ms, hop.event[0]) for hop in hops if hop.event
    ]
    assert len(np.unique(result.outputs)) > 5  # the outputs vary, so the comparison is meaningful


def test_the_tutorials_lock_keeps_up_as_is_said(tmp_path):
    """24,580 parameters at 40 classifications a second: the board needs the estimated time.

    The estimate counts only the rows that a hop changes.
    """
    data = untrained(load(MODELS / "smart_lock"))
    expected, whole = of_file(data, "smart_lock", "pico"), of_file(data, "smart_lock", "pico", 0)
    assert expected.keeps_up and expected.network_ms < whole.network_ms / 3
    rng = np.random.default_rng(1)
    pcm = rng.normal(0, 2000, 40_000).astype(np.int16)
    image = build("pico", data, tmp_path)
    digest = Chain(data).network.digest
    heard = through_virtual_microphone(image, pcm, digest, scores=False)
    last = heard.stats[-1]
    assert last["infer_us"] / 1000 == pytest.approx(expected.network_ms, rel=expected.error)
    assert last["overruns"] == 0
