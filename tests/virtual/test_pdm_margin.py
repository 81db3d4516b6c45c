"""The PIO program reads a PDM microphone's bits while they are valid."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.virtual.rp2040 import PdmTiming, VirtualPico

WORST = PdmTiming(125.0, 0.0)  # ns, of the data sheets
CLOCKS = np.linspace(1.0e6, 3.25e6, 16)
CYCLE = 8.0  # ns at 125 MHz


@pytest.fixture(scope="module")
def board(mic_image):
    with VirtualPico(mic_image) as board:
        board.run_ms(30)
        yield board


@pytest.mark.slow
@pytest.mark.parametrize("right", [False, True], ids=["select-low", "select-high"])
def test_every_clock_of_the_data_sheets_leaves_time_on_both_sides(board, right):
    for hz in CLOCKS:
        found = board.pdm_margin(hz, WORST, right, bits=1024)
        assert found.clock_hz == pytest.approx(hz, 0.005) and found.wrong == 0
        # half a period, less the two cycles to the state machine and one of the divider
        expected = 0.5e9 / hz - WORST.valid - 2 * CYCLE
        assert expected - CYCLE - 1e-6 <= found.setup_ns <= expected + CYCLE
        assert found.hold_ns >= 2 * CYCLE - 1e-6
    assert found.setup_ns >= 10  # ns left at 3.25 MHz, the tightest
    ours = board.pdm_margin(1.024e6, WORST, right)
    assert ours.setup_ns >= 330


@pytest.mark.slow
def test_data_that_comes_later_or_goes_earlier_is_read_wrong(board):
    for hz in (1.024e6, 3.25e6):
        left = board.pdm_margin(hz, WORST).setup_ns
        assert board.pdm_margin(hz, PdmTiming(WORST.valid + left, 0)).wrong == 0
        assert board.pdm_margin(hz, PdmTiming(WORST.valid + left + 9, 0)).wrong > 100
        assert board.pdm_margin(hz, PdmTiming(0, -16)).wrong == 0
        assert board.pdm_margin(hz, PdmTiming(0, -17)).wrong > 100


@pytest.mark.soak
def test_a_whole_image_hears_a_microphone_with_the_worst_timing_as_an_ideal_one(mic_image):
    t = np.arange(8_000) / 16_000
    tone = np.round(16_000 * np.sin(2 * np.pi * 997 * t)).astype(np.int16)
    heard = []
    for timing in (None, WORST, PdmTiming(500, 0)):
        with VirtualPico(mic_image, pdm_timing=timing) as board:
            board.run_ms(100)
            board.play(tone)
            board.run_ms(300)
            heard.append(board.read_audio()[-2_000:].astype(float))
    ideal, worst, too_late = heard
    assert np.std(ideal) > 10_000 and abs(np.std(worst) / np.std(ideal) - 1) < 0.01
    assert np.std(too_late) < 5_000  # noise: data after half a period is never valid
