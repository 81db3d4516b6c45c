"""Cycles that a board measures, beside those that are modelled: a person with a board needs two
minutes for it.

    P=/dev/ttyACM0
    pytest -s tests/hil/test_cycles.py --board pico --port $P --flash --app bench --cycles c.json

uploads the bench app with each of four networks, prints a line for each, and writes the figures to
send in. Without --flash it measures the network that the board's bench app runs (--model). A
virtual Pico has to measure what it is modelled as.
"""

import json

import pytest

from otolith import paths
from otolith.device.boards import named
from otolith.firmware import build as firmware
from otolith.summarize.silicon import compare
from support.boards import virtual_board
from support.images import build
from support.soak import depth

SHARED = ("fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech")
COMMITTED = ("fire_alarm", "keyword", "hey_otto", "on_off")  # where there are no shared ones
EXACT = 0.0005  # interrupts come at other times

pytestmark = pytest.mark.app("bench")


def networks():
    """The four networks by name."""
    shared = {name: paths.test_models() / f"{name}.tflite" for name in SHARED}
    if all(file.exists() for file in shared.values()):
        return shared
    return {name: paths.MODELS / name / f"{name}.tflite" for name in COMMITTED}


@pytest.fixture(scope="module")
def report(request):
    """Collects the figures; at the end they go to --cycles."""
    found = []
    yield found
    file = request.config.getoption("--cycles")
    if file and found:
        file.write_text(json.dumps([one.to_json() for one in found], indent=1) + "\n")


def told(report, one):
    report.append(one)
    print(f"\n{one.words()}")
    return one


@pytest.mark.slow
def test_measured_against_modelled_cycles(request, report, tmp_path):
    if request.config.getoption("port"):
        board = request.getfixturevalue("board")
        name = request.config.getoption("--board") or "pico"
        flash = request.config.getoption("--flash")
        for model in networks().values() if flash else [board.model]:
            if flash:
                firmware.upload(f"{name}-bench", model, board.port)
            with board.connect() as client:
                one = told(report, compare(client.transport, model, named(name)))
                assert one.measured > 0 and len(one.layers) > 0
        return
    for model in list(networks().values())[: depth(1, 4)]:
        image = build("pico-bench", model.read_bytes(), tmp_path)
        with virtual_board(image, "bench", model) as board, board.connect() as client:
            one = told(report, compare(client.transport, model, named("pico")))
        assert abs(one.difference) < EXACT
        assert all(abs(x.measured - x.modelled) <= 0.02 * x.measured + 200 for x in one.layers)
        assert json.loads(json.dumps(one.to_json()))["hash"] == one.hash
