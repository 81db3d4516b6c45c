"""Cycles of each layer on the virtual Pico: they add up, and they belong to the right layers."""

import json

import pytest
from click.testing import CliRunner
from test_board import pty

from otolith.cli import main
from otolith.compile import model_hash, schedule_model
from otolith.compile.metadata import read_metadata
from otolith.summarize.profile import figures, profile_image, whole_app
from support import small_models
from support.images import build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    """loudness() and slow(), each compiled and measured."""
    found = {}
    for name in ("loudness", "slow"):
        data = getattr(small_models, name)()
        image = build("pico-bench", data, tmp_path_factory.mktemp(name))
        schedule = schedule_model(data, "network")
        found[name] = schedule, profile_image(image, schedule), image
    return found


@pytest.mark.parametrize("name", ["loudness", "slow"])
def test_the_layers_add_up_to_the_whole(name, profiles):
    schedule, profile, _ = profiles[name]
    assert [layer.operation for layer in profile.layers] == [
        step.operation for step in schedule.calls
    ]
    together = sum(layer.cycles for layer in profile.layers)
    assert 0.98 * profile.cycles <= together <= profile.cycles
    assert sum(layer.macs for layer in profile.layers) == schedule.macs


def test_cycles_go_to_the_layer_that_works(profiles):
    _, profile, _ = profiles["slow"]
    conv = profile.layers[0]
    assert conv.operation == "CONV_2D" and conv.cycles > 0.9 * profile.cycles
    assert 3 < conv.cycles / conv.macs < 60  # a Cortex-M0+ loads, multiplies and adds
    _, profile, _ = profiles["loudness"]
    pool = profile.layers[0]
    assert pool.operation == "AVERAGE_POOL_2D" and pool.cycles > 0.5 * profile.cycles


def test_the_margin_is_of_the_hop(profiles):
    hop = read_metadata(small_models.loudness()).hop_ms
    assert hop == 32
    fast, slow = (figures(profiles[name][1], hop) for name in ("loudness", "slow"))
    assert fast["margin"] > 0 > slow["margin"]
    assert slow["load"] == pytest.approx(slow["cycles"] / 125e6 / 0.032, abs=1e-4)
    assert figures(profiles["slow"][1], None)["margin"] is None


def test_the_whole_app_is_more_than_its_network(inference_image, profiles):
    digest = model_hash(small_models.loudness())
    app = whole_app(inference_image, digest, "pico", 1000, ideal_flash=True)
    schedule, _, image = profiles["loudness"]
    profile = profile_image(image, schedule, ideal_flash=True)
    assert app["infer_ms"] == pytest.approx(profile.ms, rel=0.1)
    together = (app["pdm_ms"] + app["feature_ms"] + app["infer_ms"]) / 32
    assert together <= app["cpu"] < together + 0.15 and app["overruns"] == 0


def test_a_board_at_a_port_is_measured_the_same(profiles, tmp_path):
    _, profile, image = profiles["loudness"]
    model = tmp_path / "loudness.tflite"
    model.write_bytes(small_models.loudness())
    with pty(image) as (port, _):
        run = ["profile", str(model), "--port", port]
        found = json.loads(CliRunner().invoke(main, [*run, "--json"]).stdout)
        assert found["cycles"] == pytest.approx(profile.cycles, rel=0.01)
        assert sum(x["cycles"] for x in found["layers"]) >= 0.98 * found["cycles"]
        model.write_bytes(small_models.slow())
        result = CliRunner().invoke(main, run)
        assert result.exit_code == 1 and "the board runs network" in result.output
