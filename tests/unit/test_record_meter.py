"""The level meter of host record."""

import io

import numpy as np
import pytest
from rich.console import Console

from otolith.audio import RATE
from otolith.record.meter import Gauge, LiveMeter, Meter


def tone(seconds, amplitude):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.round(amplitude * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)


def feed(gauge, pcm, size=128):
    for start in range(0, len(pcm), size):
        gauge.add(pcm[start : start + size])


def test_gauge_shows_levels_and_holds_the_peak():
    gauge = Gauge()
    feed(gauge, tone(0.5, 16384))
    assert (gauge.peak_db, gauge.hold_db) == pytest.approx((-6.02, -6.02), abs=0.01)
    assert gauge.rms_db == pytest.approx(-9.03, abs=0.1)
    feed(gauge, tone(1.3, 1638.4))
    assert gauge.peak_db == pytest.approx(-26.02, abs=0.05)
    assert gauge.hold_db == pytest.approx(-6.02, abs=0.01)  # held for 1.5 s
    feed(gauge, tone(1.2, 1638.4))
    assert -27 < gauge.hold_db < -20


def test_gauge_warns_of_clipping_for_a_while():
    gauge = Gauge()
    feed(gauge, np.clip(tone(0.2, 32767).astype(int) * 3, -32768, 32767).astype(np.int16))
    assert gauge.clipped
    feed(gauge, tone(1.0, 100))
    assert gauge.clipped
    feed(gauge, tone(1.0, 100))
    assert not gauge.clipped


def shown(meter, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(meter)
    return console.file.getvalue().rstrip("\n")


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_the_meter_is_one_line_on_any_terminal(width):
    meter = LiveMeter()
    meter.heading("take 2 of 10")
    meter.show("recording 0.3/1.0 s", tone(0.3, 16384))
    line = shown(meter, width)
    assert "\n" not in line and len(line) <= width and line.startswith("take 2 of 10")
    if width >= 80:
        assert "█" in line and "peak   -6.0 RMS   -9.0 dBFS" in line and "CLIPPED" not in line
    meter.show("recording 0.3/1.0 s", np.full(RATE, 32767, np.int16))
    assert width < 80 or "CLIPPED" in shown(meter, width)


def test_before_any_sound_the_bar_is_empty():
    line = shown(LiveMeter(), 80)
    assert "·" in line and "█" not in line and "-inf" in line


def test_without_a_terminal_each_thing_is_said_once(capsys):
    meter = Meter()
    with meter:
        meter.heading("take 1")
        meter.heading("take 1")
        meter.tell("rejected", err=True)
        meter.heading("take 1")
        meter.tell("kept")
    assert capsys.readouterr() == ("kept\n", "take 1\nrejected\ntake 1\n")
