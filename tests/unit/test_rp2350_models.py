"""The virtual RP2350's PIO against plain stepping, and its microphones against what they heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.virtual.rp2350.microphones import MAX9814_BIAS, I2sMicrophone, PdmMicrophone
from otolith.virtual.rp2350.pio_program import Events, Settings, State, execute, trace
from otolith.virtual.sound import AnalogMicrophone, Sound
from support.pdm_stream import Stream

CLOCK, WORD, DATA = 10, 11, 9
NOP, IN, SET_X, JMP_X_DEC = 0xA042, 0x4001, 0xE020, 0x0040


def settings(code, bits, base):
    program = tuple(code) + (0,) * (32 - len(code))
    wrap = (len(code) - 1) << 12
    return Settings(program, wrap, 1 << 16, bits << 29 | base << 10 | DATA << 15)


def side(instruction, level, bits=1):
    return instruction | level << 13 - bits


def pdm(right=False):
    return settings([side(NOP, right), side(IN, not right)], 1, CLOCK)


def i2s(early=False):
    def slot(at, word):
        if early:
            code = [IN, SET_X | 30, IN, JMP_X_DEC | at + 2]
            levels = (0, 1, 0, 1)
        else:
            code = [SET_X | 30, IN, JMP_X_DEC | at + 1, IN]
            levels = (0, 1, 0, 1)
        return [side(c, word << 1 | level, 2) for c, level in zip(code, levels, strict=True)]

    return settings([*slot(0, 0), *slot(4, 1)], 2, CLOCK)


def stepped(program, cycles):
    """Samples and edges of a program by executing every instruction."""
    state, cycle = State(), 0
    samples, edges = [], {}
    while cycle < cycles:
        before = dict(state.levels)
        length, sampled = execute(program, state, program.program[state.pc])
        if sampled:
            samples.append(cycle)
        for pin, level in state.levels.items():
            if before.get(pin, 0) != level:
                edges.setdefault((pin, level), []).append(cycle)
        cycle += length
    return samples, edges


@pytest.mark.parametrize("program", [pdm(), pdm(right=True), i2s(), i2s(early=True)])
def test_a_traced_program_does_what_stepping_it_does(program):
    samples, edges = stepped(program, 1000)
    course = trace(program, State())
    assert course.samples.at(np.arange(len(samples))).tolist() == samples
    for (pin, level), times in edges.items():
        events = (course.rises if level else course.falls)[pin]
        assert events.at(np.arange(len(times))).tolist() == times
        cycles = np.arange(-3, 990)
        assert events.before(cycles).tolist() == np.searchsorted(times, cycles, "right").tolist()


@given(
    st.lists(st.integers(0, 30), unique=True),
    st.lists(st.integers(31, 50), unique=True, min_size=1),
)
def test_events_are_counted_as_they_are_numbered(first, again):
    events = Events(np.array(sorted(first), np.int64), np.array(sorted(again), np.int64), 20)
    times = events.at(np.arange(40))
    assert (np.diff(times) > 0).all()
    cycles = np.arange(-2, int(times[-1]))
    assert (events.before(cycles) == np.searchsorted(times, cycles, "right")).all()


def test_an_instruction_that_is_not_modelled_is_named():
    with pytest.raises(NotImplementedError, match="0x6001"):  # out pins, 1
        trace(settings([0x6001], 0, 0), State())


def words(microphone, program, count):
    """What a machine's FIFO gets, 32 bits each, in pieces as DMA fetches them."""
    course = trace(program, State())
    bits = []
    for start in range(0, 32 * count, 32 * 64):
        numbers = np.arange(start, min(start + 32 * 64, 32 * count))
        bits.append(microphone.sample(course, course.samples.at(numbers), 488.28125))
    return np.packbits(np.concatenate(bits)).view(">u4").astype(np.uint32)


def noise(count):
    return np.random.default_rng(2).integers(-32768, 32768, count).astype(np.int16)


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("early", [False, True])
def test_an_i2s_microphone_sends_what_it_hears_in_its_slot(right, early):
    sound = Sound()
    microphone = I2sMicrophone(sound, DATA, CLOCK, WORD, right=right, early=early)
    silent = 1 << 12  # frames after power-up
    pcm = noise(300)
    sound.play(np.concatenate([np.ones(silent, np.int16), pcm]))
    got = words(microphone, i2s(early), 2 * (silent + 200))
    # a word has the last bit of the slot before on top; then 24 bits
    ours, other = got[right::2], got[not right :: 2]
    values = (ours.astype(np.int64) >> 7 & 0xFFFFFF).astype(np.int64)
    assert not other[4:].any()
    assert not values[:silent].any()
    expected = (pcm.astype(np.int64) << 8 | 0x5A) & 0xFFFFFF
    heard = values[np.flatnonzero(values)[0] :][:150]
    at = int(np.flatnonzero(expected == heard[0])[0])
    assert at <= 2 and heard.tolist() == expected[at : at + 150].tolist()


@pytest.mark.parametrize("right", [False, True])
def test_a_pdm_microphones_bits_are_its_sound(right):
    sound = Sound()
    microphone = PdmMicrophone(sound, DATA, CLOCK, right=right, keep=True)
    t = np.arange(4000) / 16_000
    pcm = (8000 * np.sin(2 * np.pi * 500 * t)).astype(np.int16)
    sound.play(pcm)
    got = words(microphone, pdm(right), 2 * 3000)
    bits = np.unpackbits(got.astype(">u4").view(np.uint8))
    kept = np.frombuffer(bytes(microphone.kept), np.uint8)
    first = int(not right)  # with SELECT low, one sample is taken before the first edge
    assert bits[first:].tolist() == kept[: len(bits) - first].tolist()
    heard = Stream().bytes(bits)[1000:]
    angle = 2 * np.pi * 500 * np.arange(len(heard)) / 16_000
    basis = np.stack([np.sin(angle), np.cos(angle), np.ones(len(heard))], 1)
    found, *_ = np.linalg.lstsq(basis, heard.astype(float), rcond=None)
    assert np.hypot(*found[:2]) == pytest.approx(8000, rel=0.01)
    assert np.std(heard - basis @ found) < 4


def test_an_analog_microphone_gives_counts_around_its_bias():
    sound = Sound()
    microphone = AnalogMicrophone(sound, 26, bits=12, bias=MAX9814_BIAS)
    sound.play(np.full(4000, 8192, np.int16))
    pieces = [microphone.counts(n, 15_625.0) for n in (1, 7, 512, 1000, 2000)]
    counts = np.concatenate(pieces)
    assert counts[0] == 1552 and counts[1000:].tolist() == [1552 + 512] * (len(counts) - 1000)
    sound.play(np.full(4000, 32767, np.int16))
    assert microphone.counts(3000, 15_625.0)[1000:].tolist() == [1552 + 2048] * 2000
