"""Front end logmel against TensorFlow's audio_microfrontend op.

A small share of cells differ, for one reason: TensorFlow's library computes window, filters and
gains in double precision and TFLM's in float, so a few rounded table entries differ by one. With
TensorFlow's tables our code gives the op's integers.
"""

import math
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from otolith.features import extract, logmel, preset, rfft
from support import sounds

# Tests import TensorFlow themselves, because every test process collects every module.
pytestmark = pytest.mark.skipif(find_spec("tensorflow") is None, reason="no TensorFlow")
f32 = np.float32
PLAIN = {"dc_notch_filter_enable": False, "quantize_dynamic_scale_enable": False}
SETTINGS = {
    "micro_speech": preset("micro_speech"),
    "micro_speech, 10 ms": preset("micro_speech", fe={"window_step_ms": 10}),
    "on_off": preset("on_off", fe=PLAIN),
}
MOST = 0.05  # share of cells that may differ


def op(pcm, s):
    """The output of TensorFlow's op."""
    import tensorflow as tf
    from tensorflow.lite.experimental.microfrontend.python.ops import audio_microfrontend_op

    fe, ms = s.fe, s.sample_rate // 1000
    return audio_microfrontend_op.audio_microfrontend(
        tf.constant(pcm),
        sample_rate=s.sample_rate,
        window_size=s.window // ms,
        window_step=s.hop // ms,
        num_channels=s.bands,
        upper_band_limit=fe.filterbank_upper_band_limit,
        lower_band_limit=fe.filterbank_lower_band_limit,
        smoothing_bits=fe.noise_reduction_smoothing_bits,
        even_smoothing=fe.noise_reduction_even_smoothing,
        odd_smoothing=fe.noise_reduction_odd_smoothing,
        min_signal_remaining=fe.noise_reduction_min_signal_remaining,
        enable_pcan=fe.pcan_enable,
        pcan_strength=fe.pcan_strength,
        pcan_offset=fe.pcan_offset,
        gain_bits=fe.pcan_gain_bits,
        enable_log=fe.log_scale_enable,
        scale_shift=fe.log_scale_shift,
        out_scale=1,
        out_type=tf.uint16,
    ).numpy()


def mel(hertz):
    return f32(1127.0 * math.log1p(float(f32(hertz)) / 700.0))


def tensorflows_bank(s, points):
    """The filter bank's tables, in double precision where TensorFlow uses it."""
    fe, count = s.fe, s.bands + 1
    low, high = (mel(getattr(fe, f"filterbank_{name}_band_limit")) for name in ("lower", "upper"))
    spacing = f32(f32(high - low) / f32(count))
    centers = [f32(low + f32(spacing * f32(i + 1))) for i in range(count)]
    hertz = f32(0.5 * s.sample_rate / float(f32(points // 2)))
    start = int(1.5 + fe.filterbank_lower_band_limit / float(hertz))
    spans, first = [], start
    weights, unweights = [], []
    for center, before in zip(centers, [low, *centers[:-1]], strict=True):
        last = first
        while mel(f32(f32(last) * hertz)) <= center:
            share = f32(f32(center - mel(f32(f32(last) * hertz))) / f32(center - before))
            weights.append(math.floor(float(f32(share * f32(4096))) + 0.5))
            unweights.append(math.floor((1.0 - float(share)) * 4096 + 0.5))
            last += 1
        spans.append((first, first - start, last - first))
        first = last
    shares = np.array(weights), np.array(unweights)
    return logmel.packed_bank(spans, *shares, start, first)


def tensorflows_tables(s):
    """Our tables, with the window and the filter bank rounded as in TensorFlow."""
    ours = logmel.tables(s)
    argument = float(f32(math.pi * 2.0 / s.window))
    window = [
        math.floor(float(f32(0.5 - 0.5 * math.cos(argument * (i + 0.5)))) * 4096 + 0.5)
        for i in range(s.window)
    ]
    points = ours.members["fft"].members["points"]
    changed = {"window": rfft.pairs(window), **tensorflows_bank(s, points)}
    return replace(ours, members={**ours.members, **changed})


@pytest.mark.parametrize("name", list(SETTINGS))
def test_tensorflows_op_differs_by_its_tables_alone(name, monkeypatch):
    s = SETTINGS[name]
    theirs = tensorflows_tables(s)
    ours = logmel.tables(s).members
    entries = {k: int((theirs.members[k] != ours[k]).sum()) for k in ("window", "weights")}
    print(f"{name}: entries that differ {entries}")
    assert 0 < sum(entries.values()) <= 20
    clips = {**sounds.made(), **{f"speech {i}": x for i, x in enumerate(sounds.recorded())}}
    differ, cells = 0, 0
    for sound, pcm in clips.items():
        expected, got = op(pcm, s), extract(pcm, s)
        differ, cells = differ + int((got != expected).sum()), cells + got.size
        print(f"{name}, {sound}: {(got != expected).sum()} of {got.size} cells")
        with monkeypatch.context() as patch:
            patch.setattr(logmel, "tables", lambda _: theirs)
            np.testing.assert_array_equal(extract(pcm, s), expected)
    print(f"{name}: {differ} of {cells} cells differ, {100 * differ / cells:.2f} %")
    assert differ / cells <= MOST
