"""Front end mfcc: integers against the cmsisdsp wheel, accuracy against a float reference here."""

import cmsisdsp
import cmsisdsp.datatype
import cmsisdsp.mfcc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import UserError
from otolith.features import extract, mfcc, min_max, preset, tables_of
from otolith.settings.front_ends.mfcc import MAX_MELS, Mfcc
from support import sounds
from support.front_ends import changed
from support.skips import recordings
from support.soak import depth

PRESETS = ("smart_lock", "keyword")
# Natural logarithms. A q8.7 step is 0.0078.
COEFFICIENTS = (0.1, 0.01)  # worst and mean error, where every mel band has energy
# The FFT loses 9 bits below a frame's peak, and the log's smallest step is an energy of 2^-10. So
# only energies above LEAST and above RATIO times the frame's peak are compared.
# energies compared are those above LEAST and RATIO times the frame's peak.
ENERGIES, LEAST, RATIO = (0.15, 0.03), 0.02, 3


def linear(name, **changes):
    return preset(name, compress="linear", **changes)


def unpacked(words):
    """Unpack words into pairs of int16."""
    return words.astype("<u4").view("<i2")


def whole_dct(s):
    return mfcc._q15([weight for row in mfcc.dct(s) for weight in row])


def wheel(pcm, s):
    """The wheel's arm_mfcc_q15 with our tables, frame by frame."""
    t = mfcc.tables(s).members
    size = t["fft"].members["points"]
    instance = cmsisdsp.arm_mfcc_instance_q15()
    done = cmsisdsp.arm_mfcc_init_q15(
        *(instance, size, t["mels"], s.bands, whole_dct(s)),
        *(t["filter_start"].astype("uint32"), t["filter_length"].astype("uint32")),
        *(t["filters"], unpacked(t["window"])),
    )
    assert done == 0
    frames = []
    for start in range(0, len(pcm) - s.window + 1, s.hop):
        padded = np.zeros(size, np.int16)
        padded[: s.window] = pcm[start : start + s.window]
        frames.append(cmsisdsp.arm_mfcc_q15(instance, padded, np.zeros(2 * size, np.int32))[1])
    return np.array(frames, np.int16).reshape(-1, s.bands)


def float_energies(pcm, s):
    """Mel energies in float64 as librosa computes them, and each frame's peak.

    Hann window, power-of-two FFT magnitude, HTK mel filters of height 1.
    """
    size = 1 << (s.window - 1).bit_length()
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(s.window) / s.window)
    edges = np.linspace(*(2595 * np.log10(1 + np.array([s.low_hz, s.high_hz]) / 700)), s.mels + 2)
    bins = 2595 * np.log10(1 + np.fft.rfftfreq(size, 1 / s.sample_rate) / 700)
    up = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(up, down))
    frames = np.lib.stride_tricks.sliding_window_view(pcm / 32768, s.window)[:: s.hop]
    magnitude = np.abs(np.fft.rfft(frames * hann, size))
    return magnitude @ filters.T, np.abs(frames).max(axis=1, keepdims=True)


def float_dct(s):
    """DCT-II matrix (bands, mels)."""
    k = np.arange(s.mels) + 0.5
    return np.cos(np.pi * np.arange(s.bands)[:, None] * k / s.mels) * np.sqrt(2 / s.mels)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_tutorials_shapes(name):
    s = preset(name)
    shapes = {"smart_lock": (400, 400, 15, 20), "keyword": (480, 320, 49, 23)}
    assert (s.window, s.hop, s.frames, s.bands) == shapes[name]
    assert extract(np.zeros(16000, np.int16), s).shape[1] == s.bands


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("sound", list(sounds.made()))
def test_mfcc_equals_the_wheel(name, sound):
    s, pcm = linear(name), sounds.made()[sound]
    ours = extract(pcm, s)
    assert len(ours) == (len(pcm) - s.window) // s.hop + 1
    np.testing.assert_array_equal(ours, wheel(pcm, s))
    if sound == "noise":
        assert len(np.unique(ours)) > 100  # the values vary, so the comparison is meaningful


@pytest.mark.parametrize("name", PRESETS)
def test_mfcc_equals_the_wheel_on_recorded_speech(name):
    recordings("speech")
    for pcm in sounds.recorded():
        np.testing.assert_array_equal(extract(pcm, linear(name)), wheel(pcm, linear(name)))


@st.composite
def any_settings(draw):
    window = draw(st.integers(32, 512))
    mels = draw(st.integers(2, 12 if window < 200 else 24))
    return Mfcc(
        window=window,
        hop=draw(st.integers(1 + window // 4, window)),
        frames=10,
        bands=draw(st.integers(1, mels)),
        mels=mels,
        low_hz=draw(st.sampled_from([0.0, 20.0, 300.0])),
        high_hz=draw(st.sampled_from([4000.0, 7500.0, 8000.0])),
    )


@settings(max_examples=depth(15, 400))
@given(
    any_settings(),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 10, 300, 8000, 32767]),
    st.integers(0, 2000),
)
def test_mfcc_equals_the_wheel_for_any_settings_length_and_level(s, seed, level, length):
    pcm = np.random.default_rng(seed).integers(-level - 1, level + 1, length).astype(np.int16)
    try:
        tables_of(s)
    except UserError as error:
        assert "between two FFT bins" in error.message
        return
    ours = extract(pcm, s)
    np.testing.assert_array_equal(ours, wheel(pcm, s))


@pytest.mark.parametrize("name", PRESETS)
def test_the_tables_are_cmsis_dsps_own(name):
    s = linear(name)
    t = mfcc.tables(s).members
    lengths, starts, packed = cmsisdsp.mfcc.melFilterMatrix(
        cmsisdsp.datatype.Q15, s.low_hz, s.high_hz, s.mels, s.sample_rate, 512
    )
    theirs, ours = np.zeros((2, s.mels, 257), int)
    for dense, begin, length, weights in (
        (theirs, starts, lengths, packed),
        (ours, t["filter_start"], t["filter_length"], t["filters"]),
    ):
        at = 0
        for row, (first, count) in enumerate(zip(begin, length, strict=True)):
            dense[row, first : first + count] = weights[at : at + count]
            at += count
    assert np.abs(ours - theirs).max() <= 1  # they round with NumPy
    dct = cmsisdsp.mfcc.dctMatrix(cmsisdsp.datatype.Q15, s.bands, s.mels)
    assert np.abs(whole_dct(s).astype(int) - dct).max() <= 1
    assert (unpacked(t["window"])[s.window :] == 0).all()


@pytest.mark.parametrize("mels", range(2, MAX_MELS + 1))
def test_half_of_the_dct_tells_the_other_half(mels):
    whole = whole_dct(Mfcc(mels=mels, bands=mels)).reshape(mels, mels)
    half = (mels + 1) // 2
    signs = np.where(np.arange(mels) % 2, -1, 1)[:, None]
    np.testing.assert_array_equal(whole[:, half:], (signs * whole[:, : mels // 2])[:, ::-1])
    if mels % 2:
        assert (whole[1::2, half - 1] == 0).all()
    kept = unpacked(mfcc.halves(mfcc.dct(Mfcc(mels=mels, bands=mels)))).reshape(mels, -1)
    np.testing.assert_array_equal(kept[:, :half], whole[:, :half])
    # 32-bit sums do not overflow: logarithms are -976 .. 1863
    assert np.abs(whole.astype(int)).sum(1).max() * 1863 < 2**31


@pytest.mark.parametrize("name", PRESETS)
def test_coefficients_are_near_the_float_reference(name):
    s = linear(name)
    rng = np.random.default_rng(4)
    pcm = np.concatenate([rng.normal(0, level, 8000) for level in (1000, 3000, 8000)])
    pcm = pcm.clip(-32768, 32767).astype(np.int16)
    energies, _ = float_energies(pcm, s)
    difference = np.abs(extract(pcm, s) / 128 - np.log(energies) @ float_dct(s).T)
    print(f"{name}: worst {difference.max():.3f}, mean {difference.mean():.4f}")
    assert difference.max() <= COEFFICIENTS[0] and difference.mean() <= COEFFICIENTS[1]


@pytest.mark.parametrize("name", PRESETS)
def test_energies_behind_the_coefficients_are_near_the_float_reference(name):
    s = linear(name, bands=23)
    # with as many coefficients as filters, the DCT is invertible
    back = np.linalg.inv(float_dct(s))
    worst, sums, count = 0.0, 0.0, 0
    names = ("noise", "quiet noise", "sweep", "offset", "full-scale sine")
    for pcm in [*(sounds.made()[key] for key in names), *sounds.recorded()]:
        energies, peak = float_energies(pcm, s)
        difference = np.abs(extract(pcm, s) / 128 @ back.T - np.log(energies + 1e-9))
        compared = difference[(energies >= LEAST) & (energies >= RATIO * peak)]
        worst, sums = max(worst, compared.max(initial=0)), sums + compared.sum()
        count += compared.size
    print(f"{name}: {count} energies, worst {worst:.3f}, mean {sums / count:.4f}")
    assert count > 1000 and worst <= ENERGIES[0] and sums / count <= ENERGIES[1]


@settings(max_examples=depth(15, 300))
@given(st.integers(0, 2**32 - 1), st.integers(1, 32767))
def test_min_max_scaling_is_rounded_and_clamped(seed, level):
    rng = np.random.default_rng(seed)
    pcm = rng.integers(-level - 1, level + 1, 3000).astype(np.int16)
    s = linear("smart_lock")
    values = extract(pcm, s)
    low = rng.integers(-3000, 0, s.bands)
    high = low + rng.integers(1, 5000, s.bands)
    limits = {"minimum": tuple(low.tolist()), "maximum": tuple(high.tolist())}
    scaled = extract(pcm, changed(s, compress="minmax", **limits))
    span = high - low
    expected = (np.clip(values, low, high).astype(int) - low) * 255
    np.testing.assert_array_equal(scaled, (expected + span // 2) // span)


def test_min_max_of_data_brings_it_to_0_to_255():
    s = linear("keyword")
    values = [extract(sounds.made()[name], s) for name in ("noise", "sweep", "quiet noise")]
    low, high = min_max(values)
    limited = changed(s, compress="minmax", minimum=tuple(low), maximum=tuple(high))
    scaled = np.concatenate(
        [extract(sounds.made()[name], limited) for name in ("noise", "sweep", "quiet noise")]
    )
    assert (scaled.min(axis=0) == 0).all() and (scaled.max(axis=0) == 255).all()
    assert min_max([np.full((2, 3), 32767, np.int16)]) == ([32766] * 3, [32767] * 3)
    with pytest.raises(UserError, match="no frames"):
        min_max([np.zeros((0, 3), np.int16)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"window": 600, "hop": 300}, "window: must be 1 to 512"),
        ({"mels": 10}, "bands: must be 1 to mels"),
        ({"mels": 128}, "between two FFT bins"),
        ({"mels": 400}, "mels: must be 2 to 128"),
        ({"compress": "log2"}, "compress = 'log2': must be one of linear, minmax"),
        ({"compress": "minmax"}, "must be 20 integers each"),
        ({"compress": "minmax", "minimum": (5,) * 20, "maximum": (5,) * 20}, "below maximum"),
    ],
)
def test_settings_it_does_not_take_are_refused_in_one_line(change, said):
    with pytest.raises(UserError, match=said) as error:
        extract(np.zeros(2000, np.int16), changed(linear("smart_lock"), **change))
    assert "\n" not in error.value.message
