"""`host boards check` on a virtual Pico: what is right passes, what is wrong is told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from otolith.deploy.desk_check import FAILED, PASSED, TOLD, check, page
from otolith.device import Client, VirtualTransport
from support import small_models


def room(seconds=4):
    rng = np.random.default_rng(3)
    return rng.normal(0, 60, 16_000 * seconds).astype(np.int16)


def verdicts(report):
    return {point.name: point.verdict for point in report.points}


@pytest.mark.slow
def test_the_inference_app_passes_with_its_model(powered, inference_image):
    board = powered(inference_image)
    board.run_ms(50)
    board.play(room())
    report = check(Client(VirtualTransport(board)), small_models.loudness(), "cafe:4010 x", 2.0)
    assert report.passed, page(report)
    found = verdicts(report)
    assert [found[n] for n in ("firmware", "stream", "sample rate", "microphone", "gain")] == (
        [PASSED] * 5
    )
    assert found["results"] == PASSED and found["cycles"] == TOLD and found["load"] == PASSED
    figures = {name: value for point in report.points for name, value in point.figures.items()}
    assert abs(figures["ppm"]) < 300 + figures["unsure_ppm"]
    assert -60 < figures["floor_dbfs"] < -50
    # modelled: the mean of many layers; the first inferences compute whole windows
    assert 0.3 < figures["measured"] / figures["modelled"] < 3
    told = json.dumps(report.to_json())
    assert json.loads(told)["passed"] and board.usb_device["strings"][2] not in told


@pytest.mark.slow
def test_a_microphone_that_is_not_wired_and_a_wrong_model_fail(powered, inference_image):
    board = powered(inference_image)
    board.run_ms(50)
    other = small_models.slow()
    report = check(Client(VirtualTransport(board)), other, "", 1.2)
    found = verdicts(report)
    assert not report.passed and found["results"] == FAILED
    assert found["firmware"] == found["stream"] == PASSED
    assert page(report).splitlines()[-1] == "FAILED"
