"""lib/detect: sequences worked by hand, and the moving average as a property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.native import library
from host.native.sources import lib

CDEF = """
typedef struct {
    uint16_t labels, smoothing, minimum_count, suppression, gate;
    uint16_t threshold[32];
} detect_config_t;
typedef struct {
    const detect_config_t *config;
    uint16_t history[32][32];
    uint32_t sum[32];
    uint16_t next, count, suppressed;
    uint16_t smoothed[32];
} detect_t;
typedef struct { uint16_t label, score; } detect_event_t;
int detect_init(detect_t *d, const detect_config_t *config);
void detect_reset(detect_t *d);
uint16_t detect_level(const int16_t *pcm, uint32_t samples);
bool detect_step(detect_t *d, const uint16_t *scores, uint16_t level, detect_event_t *event);
"""
sources = lib("detect")
ffi, c = library("detect", sources.files, CDEF, sources.include)


class Detector:
    def __init__(self, threshold, smoothing=1, minimum_count=1, suppression=0, gate=0):
        self.config = ffi.new(
            "detect_config_t *",
            {
                "labels": len(threshold),
                "smoothing": smoothing,
                "minimum_count": minimum_count,
                "suppression": suppression,
                "gate": gate,
                "threshold": threshold,
            },
        )
        self.state = ffi.new("detect_t *")
        self.status = c.detect_init(self.state, self.config)

    def step(self, *scores, level=1000):
        event = ffi.new("detect_event_t *")
        if c.detect_step(self.state, list(scores), level, event):
            return event.label, event.score
        return None


def test_a_score_at_its_threshold_is_an_event_and_one_below_is_not():
    d = Detector([0, 20000])
    assert d.step(32767, 19999) is None  # label 0 has no threshold: background
    assert d.step(0, 20000) == (1, 20000)


def test_the_strongest_wins_and_ties_go_to_the_lower_index():
    d = Detector([0, 100, 100, 100])
    assert d.step(0, 300, 500, 400) == (2, 500)
    assert d.step(0, 500, 500, 500) == (1, 500)


def test_smoothing_takes_the_mean_of_what_there_is():
    d = Detector([0, 200], smoothing=4)
    assert d.step(0, 100) is None  # 100
    assert d.step(0, 301) == (1, 200)  # 401 / 2
    assert d.step(0, 0) is None  # 401 / 3
    assert d.step(0, 399) == (1, 200)  # 800 / 4
    assert d.step(0, 100) == (1, 200)  # the first 100 has gone: (301 + 0 + 399 + 100) / 4
    assert d.step(0, 0) is None


def test_nothing_is_said_before_the_minimum_count():
    d = Detector([0, 100], smoothing=3, minimum_count=3)
    assert [d.step(0, 500) for _ in range(3)] == [None, None, (1, 500)]
    c.detect_reset(d.state)
    assert d.step(0, 500) is None


def test_an_event_suppresses_the_next_hops_and_no_more():
    d = Detector([0, 100], suppression=3)
    assert [bool(d.step(0, 500)) for _ in range(9)] == [True, False, False, False] * 2 + [True]


def test_a_quiet_hop_counts_as_no_score():
    d = Detector([0, 300], smoothing=2, gate=50)
    assert d.step(0, 600, level=49) is None
    assert d.step(0, 600, level=50) == (1, 300)  # (0 + 600) / 2


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": []},
        {"threshold": [1], "smoothing": 0},
        {"threshold": [1], "smoothing": 33},
        {"threshold": [1], "smoothing": 2, "minimum_count": 3},
        {"threshold": [1], "minimum_count": 0},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    assert Detector(**settings).status < 0


def test_level_is_the_mean_magnitude():
    def level(*samples):
        return c.detect_level(ffi.new("int16_t[]", list(samples)), len(samples))

    assert level() == 0
    assert level(3, -4) == 3
    assert level(-32768, -32768) == 32768
    assert level(*[32767] * 4096) == 32767


@given(
    st.integers(1, 32),
    st.lists(st.tuples(st.integers(0, 32767), st.booleans()), min_size=1, max_size=100),
)
def test_the_smoothed_score_is_the_mean_of_the_last_gated_scores(smoothing, hops):
    d = Detector([0, 1], smoothing=smoothing, gate=10)
    heard = []
    for score, loud in hops:
        d.step(0, score, level=10 if loud else 9)
        heard.append(score if loud else 0)
        last = heard[-smoothing:]
        assert d.state.smoothed[1] == int(np.sum(last)) // len(last)
