"""Currents and CPU load as milliwatts and battery days."""

import pytest

from otolith.errors import UserError
from otolith.summarize.power import Currents, currents_of, power
from otolith.summarize.profile import app_loads, chip_of, runs_on

CURRENTS = Currents(20, 5, 1, 3, ("a datasheet",))


def test_load_and_currents_become_days():
    drawn = power(0.2, CURRENTS, 2160)
    assert drawn.milliamperes == 9  # 0.2 * 20 + 0.8 * 5 + 1
    assert drawn.milliwatts == 27 and drawn.days == 10
    assert "a datasheet" in drawn.assumptions and "2160 mAh" in drawn.assumptions[-1]


def test_a_resting_network_takes_its_share_of_the_load():
    app = {"infer_ms": 3.2, "cpu": 0.26, "duty": 0.6}  # of a hop of 32 ms
    loads = {"running": 0.3, "resting": 0.2, "mixed": 0.225}
    assert app_loads(app, 32, 0.25) == pytest.approx(loads)
    loads |= {"resting": 0.1, "mixed": 0.15}  # the front end rests too
    assert app_loads(app | {"resting_cpu": 0.1}, 32, 0.25) == pytest.approx(loads)


def test_chips_without_a_timed_board_are_profiled_on_their_core():
    found = {board: runs_on(board) for board in ("nrf52840_dk", "xg24_dev_kit", "pico", "pico9")}
    assert found == {
        "nrf52840_dk": "mps2_an386",
        "xg24_dev_kit": "mps2_an505",
        "pico": "pico",
        "pico9": "pico9",
    }
    names = [chip.name for board in list(found.values())[:2] if (chip := chip_of(board))]
    assert names == ["nrf52840", "efr32mg24"]


def test_less_load_never_shortens_a_battery():
    pico = currents_of("rp2040")
    days = [power(load / 10, pico, 1000).days for load in range(11)]
    assert days == sorted(days, reverse=True) and days[0] > days[-1]
    assert all(pico.source)


@pytest.mark.parametrize(("load", "battery"), [(1.1, 1), (-0.1, 1), (0.5, 0), (float("nan"), 1)])
def test_nonsense_is_refused(load, battery):
    with pytest.raises(UserError, match="0 to 1"):
        power(load, CURRENTS, battery)


def test_a_family_without_figures_has_none():
    assert currents_of("abacus") is None
