"""lib/features against its reference, the cmsisdsp wheel."""

import itertools
import json
import math
import subprocess

import cmsisdsp
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.audio import read_pcm
from otolith.errors import UserError
from otolith.features import (
    Quantizer,
    extract,
    extract_files,
    input_quantizer,
    quantize,
    spectrogram,
)
from otolith.features.native import features_library
from otolith.paths import MODELS
from support.front_ends import LINEAR as SPECTROGRAM
from support.front_ends import changed
from support.skips import program, recordings
from support.soak import depth

HANN = cmsisdsp.arm_float_to_q15(0.5 * (1 - np.cos(2 * np.pi * np.arange(256) / 256)))


def wheel_spectrogram(pcm):
    """The article's pipeline, built from the wheel's functions."""
    rfft = cmsisdsp.arm_rfft_instance_q15()
    assert cmsisdsp.arm_rfft_init_q15(rfft, 256, 0, 1) == 0
    frames = []
    for start in range(0, len(pcm) - 255, 128):
        windowed = cmsisdsp.arm_mult_q15(pcm[start : start + 256], HANN)
        frames.append(cmsisdsp.arm_cmplx_mag_q15(cmsisdsp.arm_rfft_q15(rfft, windowed)[:258]))
    return np.array(frames, np.int16).reshape(-1, 129)


def sounds():
    rng = np.random.default_rng(5)
    t = np.arange(16000) / 16000
    yield "silence", np.zeros(16000, np.int16)
    yield "lowest", np.full(16000, -32768, np.int16)
    yield "highest", np.full(16000, 32767, np.int16)
    yield "square", np.where(np.arange(16000) % 2, 32767, -32768).astype(np.int16)
    yield "full-scale sine", np.round(32767 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)
    yield "noise", rng.integers(-32768, 32768, 16000).astype(np.int16)
    yield "quiet noise", rng.normal(0, 30, 16000).astype(np.int16)
    yield "one step", rng.integers(-1, 2, 16000).astype(np.int16)
    chirp = np.sin(2 * np.pi * (50 * t + 3900 * t * t)) * np.linspace(0, 32767, 16000)
    yield "sweep", chirp.astype(np.int16)


@pytest.mark.parametrize(
    ("name", "pcm"), list(sounds()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_spectrogram_equals_the_wheel(name, pcm):
    ours = extract(pcm, SPECTROGRAM)
    assert ours.shape == (124, 129)
    np.testing.assert_array_equal(ours, wheel_spectrogram(pcm))
    if name == "noise":
        assert len(np.unique(ours)) > 500  # the values vary, so the comparison is meaningful


@settings(max_examples=depth(15, 400))
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 10, 300, 8000, 32767]),
    st.integers(0, 2000),
)
def test_spectrogram_equals_the_wheel_on_any_length_and_level(seed, level, length):
    pcm = np.random.default_rng(seed).integers(-level - 1, level + 1, length).astype(np.int16)
    np.testing.assert_array_equal(extract(pcm, SPECTROGRAM), wheel_spectrogram(pcm))


def test_spectrogram_equals_the_wheel_on_speech(tmp_path):
    program("espeak-ng")
    path = tmp_path / "speech.wav"
    subprocess.run(["espeak-ng", "-w", path, "smoke in the kitchen, please leave"], check=True)
    pcm = read_pcm(path, resample=True)
    assert np.abs(pcm).max() > 3000
    np.testing.assert_array_equal(extract(pcm, SPECTROGRAM), wheel_spectrogram(pcm))


def test_spectrogram_equals_the_wheel_on_recorded_speech():
    files = sorted(recordings("speech").rglob("*.wav"))
    assert files
    for path in files:
        pcm = read_pcm(path, resample=True)
        np.testing.assert_array_equal(extract(pcm, SPECTROGRAM), wheel_spectrogram(pcm))


def test_the_window_is_the_articles():
    words = spectrogram.tables(SPECTROGRAM).members["window"]
    assert words.astype("<u4").view("<i2").tolist() == HANN.tolist()


def test_log2_is_close_monotone_and_within_range():
    _, lib = features_library()
    values = [lib.log2_q10(x) for x in range(32768)]
    assert values[0] == 0 and values[-1] == 15360
    assert all(a <= b for a, b in itertools.pairwise(values))
    worst = max(abs(v - 1024 * math.log2(1 + x)) for x, v in enumerate(values))
    assert worst <= 1.1
    assert lib.log2_q10(-5) == 0


def test_compression_is_applied_to_every_value():
    _, lib = features_library()
    pcm = np.random.default_rng(1).integers(-9000, 9000, 2000).astype(np.int16)
    linear = extract(pcm, SPECTROGRAM)
    log = extract(pcm, changed(SPECTROGRAM, compress="log2"))
    assert log.ravel().tolist() == [lib.log2_q10(int(v)) for v in linear.ravel()]


@given(
    st.integers(1, 32767),
    st.integers(1, 30),
    st.integers(-128, 127),
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=50),
)
def test_quantizing_is_one_rounded_multiply(multiplier, shift, zero_point, values):
    got = quantize(np.array(values, np.int16), Quantizer(multiplier, shift, zero_point))
    half = 1 << shift >> 1
    expected = [
        max(-128, min(127, ((v * multiplier + half) >> shift) + zero_point)) for v in values
    ]
    # product and rounding fit into 32 bits for every setting of the quantizer
    assert all(-(2**31) <= v * multiplier + half < 2**31 for v in values)
    assert got.tolist() == expected


@given(st.sampled_from(["linear", "log2"]), st.floats(1e-4, 1.0), st.integers(-128, 127))
def test_the_quantizer_follows_the_networks_scale(compress, scale, zero_point):
    q = input_quantizer(changed(SPECTROGRAM, compress=compress), scale, zero_point)
    values = np.arange(0, 32768 if compress == "linear" else 15361, 7, dtype=np.int16)
    real = values * {"linear": 1 / 32768, "log2": 1 / 1024}[compress]
    exact = np.clip(real / scale + zero_point, -128, 127)
    assert np.abs(quantize(values, q) - exact).max() <= 0.5 + 256 / 16384 + 1e-6


@pytest.mark.parametrize("scale", [1e9, 1e-20, 0.0, -1.0, math.nan, math.inf, 5e-324])
def test_a_scale_no_feature_can_reach_is_refused(scale):
    with pytest.raises(UserError, match="input scale"):
        input_quantizer(SPECTROGRAM, scale, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"hop": 0},
        {"hop": 257},
        {"hop": 512},
        {"window": -5},
        {"window": 512},
        {"bands": 10**6},
        {"bands": 128},
        {"compress": "root"},
    ],
)
def test_settings_no_front_end_takes_are_refused_in_one_line(change):
    with pytest.raises(UserError) as error:
        extract(np.zeros(2000, np.int16), changed(SPECTROGRAM, **change))
    assert "\n" not in error.value.message and str(next(iter(change.values()))) in str(error.value)


def write(path, rate=16000, channels=1, subtype="PCM_16", samples=16000):
    data = np.zeros((samples, channels)) + 0.25
    soundfile.write(path, data, rate, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 8000}, "8000 Hz"),
        ({"rate": 44100}, "44100 Hz"),
        ({"channels": 2}, "2 channel"),
        ({"subtype": "PCM_24"}, "PCM_24"),
        ({"subtype": "PCM_U8"}, "PCM_U8"),
        ({"samples": 0}, "no samples"),
    ],
)
def test_a_wrong_wav_is_refused_in_one_line(tmp_path, options, said):
    with pytest.raises(UserError, match=said) as error:
        read_pcm(write(tmp_path / "x.wav", **options))
    assert "\n" not in error.value.message and "x.wav" in error.value.message


@pytest.mark.parametrize("resample", [False, True])
def test_a_wav_that_was_cut_gives_what_is_left_and_a_warning(tmp_path, resample):
    path = write(tmp_path / "x.wav")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1001])
    said = []
    assert len(read_pcm(path, resample, said.append)) == 16000 - 501
    assert len(said) == 1 and "x.wav: cut short: 1001 bytes" in said[0]
    # a program that writes to a pipe does not know the size
    path.write_bytes(whole[:40] + b"\xff\xff\xff\xff" + whole[44:])
    assert len(read_pcm(path, resample)) == 16000


def test_damaged_headers_give_a_sound_or_one_line(tmp_path):
    rng = np.random.default_rng(6)
    for suffix in (".wav", ".flac"):
        whole = write(tmp_path / f"x{suffix}", samples=500).read_bytes()
        path = tmp_path / f"y{suffix}"
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(rng.integers(1, 4)):
                data[rng.integers(60)] ^= 1 << rng.integers(8)
            path.write_bytes(data)
            try:
                assert read_pcm(path, resample=True).dtype == np.int16
            except UserError as error:
                assert "\n" not in error.message and str(path) in error.message


def test_a_clip_shorter_than_a_window_is_refused_in_one_line(tmp_path):
    files = [write(tmp_path / "x.wav", samples=255)]
    with pytest.raises(UserError, match=r"x\.wav: 255 samples"):
        list(extract_files(files, SPECTROGRAM))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x10\0\0\0WAVEfmt ", bytes(100)])
def test_what_is_no_sound_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.wav") as error:
        read_pcm(path)
    assert "\n" not in error.value.message


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
def test_resampling_brings_any_rate_to_16_khz(tmp_path, rate):
    pcm = read_pcm(write(tmp_path / "x.wav", rate=rate, channels=2, samples=rate), resample=True)
    assert abs(len(pcm) - 16000) <= 1
    assert np.abs(pcm[4000:12000] - 8192).max() <= 2


def test_a_folder_gives_the_features_of_each_file_in_order(tmp_path):
    rng = np.random.default_rng(2)
    clips = [rng.integers(-3000, 3000, 4000 + 500 * i).astype(np.int16) for i in range(8)]
    files = []
    for index, clip in enumerate(clips):
        files.append(tmp_path / f"{index}.wav")
        soundfile.write(files[-1], clip, 16000, subtype="PCM_16")
    for got, clip in zip(extract_files(files, SPECTROGRAM, workers=3), clips, strict=True):
        np.testing.assert_array_equal(got, extract(clip, SPECTROGRAM))


def test_host_features_writes_one_array_a_file(tmp_path):
    from click.testing import CliRunner

    from otolith.cli import main

    (tmp_path / "in").mkdir()
    for name in ("a.wav", "b.wav"):
        write(tmp_path / "in" / name)
    out = tmp_path / "out.npz"
    result = CliRunner().invoke(main, ["features", str(tmp_path / "in"), "-o", str(out), "--json"])
    assert result.exit_code == 0, result.output
    with np.load(out) as arrays:
        assert sorted(arrays) == ["a.wav", "b.wav"]
        assert arrays["a.wav"].shape == (124, 129)
    write(tmp_path / "in" / "c.wav", rate=8000)
    before = out.read_bytes()
    result = CliRunner().invoke(main, ["features", str(tmp_path / "in"), "-o", str(out)])
    assert result.exit_code == 1 and "c.wav: 8000 Hz" in result.output
    assert out.read_bytes() == before


def test_host_features_takes_presets_specs_and_shows_limits(tmp_path):
    from click.testing import CliRunner

    from otolith.cli import main
    from otolith.features import preset

    (tmp_path / "in").mkdir()
    pcm = np.random.default_rng(1).integers(-9000, 9000, 16000).astype(np.int16)
    soundfile.write(tmp_path / "in" / "a.wav", pcm, 16000, subtype="PCM_16")
    out = tmp_path / "out.npz"

    def run(*arguments):
        command = ["features", str(tmp_path / "in"), "-o", str(out), *arguments]
        return CliRunner().invoke(main, command)

    result = run("--preset", "keyword", "--compress", "linear", "--min-max", "--json")
    assert result.exit_code == 0, result.output
    expected = extract(pcm, preset("keyword", compress="linear"))
    with np.load(out) as arrays:
        np.testing.assert_array_equal(arrays["a.wav"], expected)
    found = json.loads(result.stdout)
    assert found["minimum"] == expected.min(axis=0).tolist()
    assert found["maximum"] == expected.max(axis=0).tolist()
    assert run("--spec", str(MODELS / "fire_alarm")).exit_code == 0
    with np.load(out) as arrays:
        assert arrays["a.wav"].shape == (124, 129)
    for arguments, said in (
        (("--preset", "keyword", "--min-max"), "--compress linear"),
        (("--preset", "keyword", "--spec", "x"), "not both"),
        (("--preset", "keyword", "--compress", "log2"), "compress"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1 and said in result.output
