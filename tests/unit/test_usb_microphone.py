"""lib/usb without USB: packet sizes that follow the host's clock, and the volume."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith import paths
from otolith.native import library
from support.soak import depth

SOURCES = paths.LIB / "usb" / "src"
BLOCK = 128


@cache
def usb():
    files = [SOURCES / "packetizer.c", SOURCES / "volume.c"]
    return library("usb-microphone", files, ("packetizer.h", "volume.h"), [SOURCES])


class Stream:
    """Blocks of a counter in, packets out."""

    def __init__(self):
        self.ffi, self.lib = usb()
        self.state = self.ffi.new("packetizer_t *")
        self.lib.packetizer_init(self.state)
        self.blocks = 0

    def put(self):
        pcm = np.arange(self.blocks * BLOCK, (self.blocks + 1) * BLOCK).astype(np.int16)
        self.lib.packetizer_put(self.state, self.ffi.from_buffer("int16_t[]", pcm), BLOCK)
        self.blocks += 1

    def take(self):
        pcm = self.ffi.new("int16_t[17]")
        count = self.lib.packetizer_take(self.state, pcm)
        return np.array(list(pcm[0:count]), np.int16)

    @property
    def level(self):
        return self.state.put - self.state.taken


def steps(pcm):
    """Differences of a counter, modulo its wrap."""
    return np.diff(pcm.astype(np.uint16)).astype(np.uint16)


@given(
    ppm=st.integers(-5000, 5000),
    phase=st.floats(0, 8),
    jitter=st.lists(st.floats(0, 2), min_size=1, max_size=20),
)
@settings(max_examples=depth(15, 600))
def test_drift_is_absorbed_by_one_sample_a_packet(ppm, phase, jitter):
    """For 20 s the microphone is `ppm` fast and its blocks arrive up to 2 ms late."""
    stream, packets, blocks_due = Stream(), [], phase
    for ms in range(20_000):
        while blocks_due + jitter[stream.blocks % len(jitter)] <= ms:
            stream.put()
            blocks_due += 8 / (1 + ppm * 1e-6)
        packets.append(stream.take())
        if ms > 100:
            assert 15 <= len(packets[-1]) <= 17
    assert (stream.state.lost, stream.state.underruns) == (0, 0)
    assert (steps(np.concatenate(packets)) == 1).all()
    assert 0 < stream.level < 512


def test_without_drift_every_packet_has_16_samples():
    stream, sizes = Stream(), []
    for ms in range(4000):
        if ms % 8 == 3:
            stream.put()
        sizes.append(len(stream.take()))
    first = sizes.index(16)
    assert set(sizes[:first]) == {0}
    assert set(sizes[first:]) == {16}


@given(st.lists(st.sampled_from(["put", "take", "reset"]), max_size=400))
@settings(max_examples=depth(50, 2000))
def test_whatever_the_order_samples_come_once_and_in_order(calls):
    stream, out = Stream(), []
    for call in calls:
        if call == "put":
            stream.put()
        elif call == "take":
            out += list(stream.take().astype(int))
            assert len(out) == len(set(out))
        else:
            stream.lib.packetizer_reset(stream.state)
            out.clear()
        assert out == sorted(out)
        assert 0 <= stream.level <= 1024
    lost_or_ran_dry = stream.state.lost + stream.state.underruns
    assert (np.diff(out) == 1).all() or lost_or_ran_dry


def test_a_host_that_does_not_fetch_loses_whole_blocks_and_they_are_counted():
    stream = Stream()
    for _ in range(10):
        stream.put()
    assert (stream.level, stream.state.lost) == (1024, 2 * BLOCK)


def test_a_microphone_that_stops_gives_all_it_had_and_is_waited_for():
    stream = Stream()
    stream.put()
    stream.put()
    out = np.concatenate([stream.take() for _ in range(30)])
    assert len(out) == 2 * BLOCK
    assert stream.state.underruns == 1
    stream.put()
    assert len(stream.take()) == 0  # it fills up first
    stream.put()
    assert len(stream.take()) == 16


def apply(volume, pcm):
    ffi, lib = usb()
    out = np.array(pcm, np.int16)
    lib.volume_apply(volume, ffi.from_buffer("int16_t[]", out), len(out))
    return out


@pytest.mark.parametrize("decibels", range(-30, 31))
def test_volume_is_what_it_says(decibels):
    pcm = np.arange(-32768, 32768, 7).astype(np.int16)
    exact = pcm * 10 ** (decibels / 20)
    difference = apply(decibels * 256, pcm) - np.clip(exact, -32768, 32767)
    assert np.abs(difference).max() <= 0.5 + 1e-3 + 32768 / 131072


def test_no_gain_changes_nothing():
    pcm = np.arange(-32768, 32768).astype(np.int16)
    assert (apply(0, pcm) == pcm).all()


@given(st.integers(-32768, 32767))
def test_any_volume_becomes_the_nearest_there_is(wanted):
    got = usb()[1].volume_nearest(wanted)
    choices = np.arange(-30, 31) * 256
    assert got in choices
    assert abs(got - wanted) == np.abs(choices - wanted).min()
