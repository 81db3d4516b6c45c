"""Every preset through the chain: metadata, compiled C, frames, windows, network."""

import numpy as np
import pytest

from otolith.compile import compile_graph
from otolith.compile.engine import HostModel
from otolith.errors import UserError
from otolith.features import (
    PRESETS,
    extract,
    input_quantizer,
    preset,
    quantize,
)
from otolith.listen.chain import Chain
from support.front_end_model import network, scale_of, settings, sound
from support.front_ends import changed, told, with_metadata

HOP_FRAMES = 2


def stream_of(features):
    """Frames as the stream gives them, before any processing of the whole window."""
    return changed(features, compress="linear") if features.compress == "dynamic" else features


def int8_window(values, features, q):
    if features.compress == "dynamic":
        values = values.astype(int)
        width = features.range_steps
        lowest = max(values.max() - width, 0)
        span = max(values.max() - lowest, 1)
        values = np.maximum(values - lowest, 0) * 255 // span
    return quantize(values.astype(np.int16), q)


def check(features, seconds, model=None, q=None):
    model = network(features, HOP_FRAMES) if model is None else model
    pcm = sound(seconds)
    chain, net = Chain(model), HostModel(model)
    pcm = pcm[: len(pcm) // chain.hop * chain.hop]
    hops = list(chain.run(pcm))
    frames = extract(pcm, stream_of(features))
    np.testing.assert_array_equal(
        np.concatenate([h.features for h in hops if len(h.features)]), frames
    )
    q = q or input_quantizer(features, *scale_of(features))
    seen, scored = 0, 0
    for hop in hops:
        seen += len(hop.features)
        assert (hop.q is None) == (seen < features.frames)
        if hop.q is not None:
            window = int8_window(frames[seen - features.frames : seen], features, q)
            expected = net.invoke(window.reshape(net.input_shapes[0])).ravel()
            assert hop.q.tolist() == expected.tolist()
            scored += 1
    # the outputs vary, so the comparison is meaningful
    assert scored > 10 and len({str(h.q) for h in hops}) > 3


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_chain_equals_its_parts(name):
    check(settings(name), 2.5)


def test_plain_coefficients_go_through_the_chain():
    check(preset("keyword", compress="linear"), 2.5)


def test_the_notch_filter_and_a_hop_that_does_not_divide_the_window():
    features = settings("micro_speech")
    fe = {"dc_notch_filter_enable": True}
    check(changed(features, fe=fe, hop=176, frames=20), 1.0)


@pytest.mark.parametrize("decibel", [5.0, 69.0, 70.0, 200.0])
def test_dynamic_ranges_with_a_table_and_without(decibel):
    fe = {"quantize_dynamic_scale_range_db": decibel}
    check(changed(settings("on_off"), fe=fe, frames=20), 0.8)


def test_a_dynamic_window_whose_rows_are_no_whole_words():
    features = changed(settings("on_off"), frames=21, bands=33)
    check(features, 0.8)


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_sliding_window_has_the_size_the_c_code_says(name):
    features = settings(name)
    text = compile_graph(network(features), "x").files["pipeline.c"]
    assert f"rows[{features.window_bytes}]" in text
    dynamic = features.compress == "dynamic"
    values = features.frames * features.bands
    largest = 2 * features.frames + 2  # the maximum of each row, padded to a whole word
    assert features.window_bytes <= (3 * values + largest if dynamic else 2 * values)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("keyword", {"mels": "many"}, "features.mels"),
        ("keyword", {"mels": 12}, "features.bands: must be 1 to mels"),
        ("keyword", {"low_hz": None}, "low_hz"),
        ("keyword", {"window": 600}, "features.window"),
        ("keyword", {"compress": ["linear"]}, "compress"),
        ("keyword", {"minimum": None}, "minimum"),
        ("on_off", {"fe": None}, "fe"),
        ("on_off", {"fe": {}}, "lacks features.fe."),
        ("on_off", {"fe": {"pcan_enable": "x"}}, "pcan_enable"),
        ("on_off", {"window": 513}, "window"),
        ("on_off", {"kind": ["logmel"]}, "unknown front end"),
    ],
)
def test_damaged_settings_in_a_model_are_one_line(name, change, said):
    features = settings(name)
    model = network(features)
    metadata = told(model)
    metadata["features"].update(change)
    with pytest.raises(UserError, match=said) as error:
        compile_graph(with_metadata(model, metadata), "x")
    assert "\n" not in error.value.message
