"""MLTK's settings: from an MLTK .tflite, from a spec, and errors in either."""

import flatbuffers
import pytest

from otolith.compile.flatbuffer import Buffer
from otolith.compile.mltk_model import MLTK_NAME as NAME
from otolith.compile.mltk_model import features_of, read_mltk
from otolith.errors import UserError
from otolith.features import extract, preset
from otolith.settings.features import front_end
from otolith.settings.front_ends.logmel import MLTK
from support.front_ends import changed
from support.skips import third_party_model


def dictionary(entries, version=1):
    """MLTK's flatbuffer, of entries (key, union type, struct code or bytes, value)."""
    b = flatbuffers.Builder(256)
    tables = []
    for key, kind, value in entries:
        text = b.CreateString(value) if kind == 12 else None
        if kind == 13:
            strings = [b.CreateString(item) for item in value]
            b.StartVector(4, len(strings), 4)
            for item in reversed(strings):
                b.PrependUOffsetTRelative(item)
            text = b.EndVector()
        if kind in (14, 15):
            b.StartVector(4, len(value), 4)
            for item in reversed(value):
                b.PrependInt32(item) if kind == 14 else b.PrependFloat32(item)
            text = b.EndVector()
        b.StartObject(1)
        put = {
            1: b.PrependBoolSlot,
            3: b.PrependUint8Slot,
            5: b.PrependUint16Slot,
            6: b.PrependInt32Slot,
            10: b.PrependFloat32Slot,
            11: b.PrependFloat64Slot,
        }
        if text is not None:
            b.PrependUOffsetTRelativeSlot(0, text, 0)
        else:
            put[kind](0, value, 0)
        held = b.EndObject()
        name = b.CreateString(key)
        b.StartObject(3)
        b.PrependUOffsetTRelativeSlot(0, name, 0)
        b.PrependUint8Slot(1, kind, 0)
        b.PrependUOffsetTRelativeSlot(2, held, 0)
        tables.append(b.EndObject())
    b.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        b.PrependUOffsetTRelative(table)
    vector = b.EndVector()
    b.StartObject(2)
    b.PrependUint8Slot(0, version, 0)
    b.PrependUOffsetTRelativeSlot(1, vector, 0)
    b.Finish(b.EndObject())
    return bytes(b.Output())


def tflite(content, name=NAME):
    """A .tflite that contains only this metadata."""
    b = flatbuffers.Builder(256)
    data = b.CreateByteVector(content)
    b.StartObject(1)
    b.PrependUOffsetTRelativeSlot(0, data, 0)
    buffer = b.EndObject()
    text = b.CreateString(name)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(0, text, 0)
    b.PrependUint32Slot(1, 0, 9)
    entry = b.EndObject()
    vectors = []
    for table in (buffer, entry):
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(table)
        vectors.append(b.EndVector())
    b.StartObject(8)
    b.PrependUint32Slot(0, 3, 0)
    b.PrependUOffsetTRelativeSlot(4, vectors[0], 0)
    b.PrependUOffsetTRelativeSlot(6, vectors[1], 0)
    b.Finish(b.EndObject(), b"TFL3")
    return bytes(b.Output())


ENTRIES = [
    ("fe.sample_rate_hz", 5, 16000),
    ("fe.window_size_ms", 3, 30),
    ("fe.window_step_ms", 3, 10),
    ("fe.sample_length_ms", 5, 1000),
    ("fe.filterbank_n_channels", 3, 104),
    ("fe.noise_reduction_enable", 1, True),
    ("fe.noise_reduction_min_signal_remaining", 10, 0.4),
    ("fe.dc_notch_filter_enable", 3, 1),
    ("fe.quantize_dynamic_scale_enable", 1, True),
    ("fe.quantize_dynamic_scale_range_db", 10, 40.0),
    ("average_window_duration_ms", 6, 300),
    ("classes", 12, "on"),
    ("detection_thresholds", 15, [0.5, 0.25]),
    ("counts", 14, [3, -4]),
]


def test_parameters_are_read_by_their_types():
    found = read_mltk(tflite(dictionary(ENTRIES)))
    assert found == {key: value for key, _, value in ENTRIES}
    assert read_mltk(tflite(b"", "something else")) is None


def test_on_off_of_mltk_is_the_preset():
    found = features_of(read_mltk(tflite(dictionary(ENTRIES))))
    assert found == changed(preset("on_off"), input="tflm")
    assert found.compress == "dynamic" and found.frames == 98


def test_mltks_own_model_is_micro_speech():
    parameters = read_mltk(third_party_model("mltk_micro_speech.tflite").read_bytes())
    assert parameters["latency_ms"] == 100 and parameters["fe.fft_length"] == 512
    settings = features_of(parameters)
    assert changed(settings, compress="linear") == changed(preset("micro_speech"), input="tflm")
    import numpy as np

    pcm = np.random.default_rng(1).integers(-3000, 3000, 16000).astype(np.int16)
    assert extract(pcm, settings).shape == (49, 40)


@pytest.mark.parametrize(
    ("fe", "said", "message"),
    [
        ({"window_sise_ms": 30}, {}, "did you mean fe.window_size_ms"),
        ({"window_size_ms": "30"}, {}, "must be a whole number"),
        ({"window_size_ms": 30.5}, {}, "must be a whole number"),
        ({"window_size_ms": True}, {}, "must be a whole number"),
        ({"pcan_enable": 2}, {}, "must be true or false"),
        ({"pcan_offset": float("nan")}, {}, "must be a number"),
        ({"window_size_ms": 30}, {"window": 400}, "window = 400: fe settings say 480"),
        ({"fft_length": 256}, {"window": 480}, "a window of 480 has 512"),
        ({"sample_rate_hz": 0}, {}, "sample_rate"),
        (7, {}, "a table of MLTK's settings"),
    ],
)
def test_wrong_settings_name_the_key(fe, said, message):
    with pytest.raises(UserError, match=message) as error:
        front_end(kind="logmel", fe=fe, **said)
    assert "\n" not in error.value.message


def test_every_default_is_accepted_under_its_name():
    result = front_end(kind="logmel", fe={**MLTK, "fft_length": 512})
    assert (result.window, result.hop, result.frames, result.bands) == (400, 160, 98, 32)


def test_what_is_no_audio_or_not_supported_is_said():
    with pytest.raises(UserError, match="hold no fe"):
        features_of({"latency_ms": 3})
    with pytest.raises(UserError, match="samplewise"):
        features_of({"fe.window_size_ms": 30, "samplewise_norm.mean_and_std": True})
    with pytest.raises(UserError, match="version 2"):
        read_mltk(tflite(dictionary(ENTRIES, version=2)))
    with pytest.raises(UserError, match="TFL3"):
        read_mltk(b"RIFF")


def test_damaged_parameters_give_a_result_or_one_line():
    import numpy as np

    rng = np.random.default_rng(2)
    content = dictionary(ENTRIES)
    for _ in range(500):
        data = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            found = read_mltk(tflite(bytes(data)))
            if found is not None:
                features_of(found)
        except UserError as error:
            assert "\n" not in error.message
    assert Buffer(content).root() is not None
