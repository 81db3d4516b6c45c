"""Every format returns the samples that were encoded. A truncated file returns what is left."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otolith.audio import RATE, decode, pcm_blocks, read_pcm
from otolith.audio.convert import convert
from otolith.audio.decode import BadSound
from otolith.audio.reading import length_of
from otolith.classify.sources import of_file
from otolith.errors import UserError
from support.encoded import HZ, LEVEL, SECONDS, by_ffmpeg, tone

# name: container, codec, rate, options. FFmpeg in PyAV's wheels has an encoder for each.
FFMPEG = {
    "phone.m4a": ("ipod", "aac", 44100, {"movflags": "faststart"}),
    "video.mp4": ("mp4", "aac", 48000, {"movflags": "faststart"}),
    "phone.3gp": ("3gp", "libopencore_amrnb", 8000, {"movflags": "faststart"}),
    "phone.amr": ("amr", "libopencore_amrnb", 8000, {}),
    "browser.webm": ("webm", "libopus", 48000, {}),
    "live.webm": ("webm", "libopus", 48000, {"live": "1"}),  # like MediaRecorder: sizes are unknown
    "old.wma": ("asf", "wmav2", 44100, {}),
    "radio.aac": ("adts", "aac", 44100, {}),
}
SNDFILE = {
    "a.wav": ("WAV", "PCM_16", 22050),
    "a.flac": ("FLAC", "PCM_16", 44100),
    "b.flac": ("FLAC", "PCM_24", 16000),
    "a.ogg": ("OGG", "VORBIS", 44100),
    "a.opus": ("OGG", "OPUS", 48000),
    "a.mp3": ("MP3", "MPEG_LAYER_III", 44100),
    "a.aiff": ("AIFF", "PCM_16", 16000),
    "a.au": ("AU", "PCM_16", 16000),
    "a.caf": ("CAF", "PCM_16", 16000),
    "a.w64": ("W64", "PCM_16", 16000),
}
NAMES = [*FFMPEG, *SNDFILE]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    for name, about in FFMPEG.items():
        by_ffmpeg(folder / name, *about)
    for name, (container, subtype, rate) in SNDFILE.items():
        soundfile.write(folder / name, tone(rate), rate, format=container, subtype=subtype)
    return folder


def is_the_tone(pcm: np.ndarray) -> bool:
    """Is nearly all energy at HZ, at the original level?"""
    middle = pcm[len(pcm) // 4 : 3 * len(pcm) // 4].astype(float)
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    at = round(HZ * len(middle) / RATE)
    width = max(3, round(15 * len(middle) / RATE))
    near = power[at - width : at + width + 1].sum() / power.sum()
    rms = np.sqrt(np.mean(middle**2)) / 32768
    return near > 0.97 and abs(20 * np.log10(rms / (LEVEL / np.sqrt(2)))) < 1.5


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_tone_that_was_put_in(made, name):
    said = []
    pcm = read_pcm(made / name, resample=True, warn=said.append)
    assert said == [] and pcm.dtype == np.int16
    assert abs(len(pcm) / RATE - SECONDS) < 0.15  # codecs add padding
    assert is_the_tone(pcm)
    assert abs(length_of(made / name) - len(pcm)) < 0.15 * RATE


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_same_samples_wherever_it_is_read(made, name, tmp_path):
    path = made / name
    pcm = read_pcm(path, resample=True)
    heard = {
        "blocks": list(pcm_blocks(path)),
        "odd blocks": list(pcm_blocks(path, size=997)),
        "classify": list(of_file(path)),
        "import": [read_pcm(convert(path, tmp_path / "clips", 0, frozenset()).clips[0])],
    }
    for where, blocks in heard.items():
        np.testing.assert_array_equal(np.concatenate(blocks), pcm, where)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "b.flac"])
def test_lossless_samples_are_exact(tmp_path, name):
    container, subtype, _ = SNDFILE[name]
    rng = np.random.default_rng(1)
    pcm = rng.integers(-32768, 32768, (3000, 2)).astype(np.int16)
    soundfile.write(tmp_path / name, pcm, RATE, format=container, subtype=subtype)
    mean = pcm.astype(float).mean(axis=1)
    np.testing.assert_array_equal(
        read_pcm(tmp_path / name, resample=True), np.clip(np.round(mean), -32768, 32767)
    )


def cut(made: Path, name: str, share: float, folder: Path) -> Path:
    data = (made / name).read_bytes()
    path = folder / name
    path.write_bytes(data[: int(len(data) * share) | 1])  # not between two frames of AMR
    return path


@pytest.mark.parametrize("share", [0.35, 0.6, 0.93])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_short_gives_what_is_left_and_one_line(made, name, share, tmp_path):
    path = cut(made, name, share, tmp_path)
    said = []
    pcm = read_pcm(path, resample=True, warn=said.append)
    assert len(said) == 1 and said[0].startswith(f"{path}: ") and "\n" not in said[0]
    assert "cut short" in said[0] or "damaged" in said[0]
    seconds = len(pcm) / RATE
    assert 0.5 * share * SECONDS - 0.3 < seconds < share * SECONDS + 0.3
    assert is_the_tone(pcm)
    np.testing.assert_array_equal(np.concatenate(list(of_file(path))), pcm)
    done = convert(path, tmp_path / "clips", 0, frozenset())
    assert done.problem is None and done.warning == said[0]
    np.testing.assert_array_equal(read_pcm(done.clips[0]), pcm)


def test_an_m4a_without_its_index_is_said_in_one_line(tmp_path):
    by_ffmpeg(tmp_path / "x.m4a", "ipod", "aac", 44100, {})
    data = (tmp_path / "x.m4a").read_bytes()
    (tmp_path / "x.m4a").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadSound, match=r"x\.m4a: .*cut short: its index \(moov\)"):
        read_pcm(tmp_path / "x.m4a", resample=True)


@given(
    st.sampled_from(NAMES),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4),
)
@settings(
    max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_cut_and_damaged_files_give_samples_or_one_line(made, tmp_path, name, share, flips):
    data = bytearray((made / name).read_bytes())
    data = data[: int(len(data) * share)]
    for at, flip in flips:
        if data:
            data[min(len(data) - 1, int(at * len(data)))] ^= flip
    path = tmp_path / name
    path.write_bytes(data)
    said = []
    try:
        pcm = read_pcm(path, resample=True, warn=said.append)
        assert pcm.dtype == np.int16 and len(pcm) and len(said) <= 1
    except UserError as error:
        assert "\n" not in error.message and name in error.message


def test_ffmpeg_reads_on_where_libsndfile_gives_up_on_a_flac_file(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    pcm = rng.integers(-9000, 9000, 60_000).astype(np.int16)
    soundfile.write(tmp_path / "x.flac", pcm, RATE)
    data = bytearray((tmp_path / "x.flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)  # a bad block on a disk
    (tmp_path / "x.flac").write_bytes(data)
    monkeypatch.setattr(decode, "BLOCK", 4096)
    with pytest.raises(soundfile.LibsndfileError), soundfile.SoundFile(tmp_path / "x.flac") as file:
        while len(file.read(4096)):
            pass
    said = []
    got = read_pcm(tmp_path / "x.flac", warn=said.append)
    assert len(said) == 1 and "damaged" in said[0]
    # before and after the hole is the original recording
    assert len(got) > 40_000  # FFmpeg loses one or more blocks, depending on its version
    np.testing.assert_array_equal(got[:24_000], pcm[:24_000])
    np.testing.assert_array_equal(got[-12_000:], pcm[-12_000:])


def test_a_playlist_opens_nothing(tmp_path):
    soundfile.write(tmp_path / "secret.wav", tone(RATE), RATE)
    for name, text in {
        "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "a.wav": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:secret.wav\n#EXT-X-ENDLIST\n",
        "a.txt": "ffconcat version 1.0\nfile secret.wav\n",
    }.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(BadSound, match="not a sound file"):
            read_pcm(tmp_path / name, resample=True)


def test_without_resampling_only_our_format_is_taken(made):
    for name in ("phone.m4a", "a.wav"):
        with pytest.raises(UserError, match=r"need 16000 Hz, mono, PCM_16"):
            read_pcm(made / name)


def test_a_warning_is_printed_once(made, tmp_path, capsys):
    path = cut(made, "a.wav", 0.5, tmp_path)
    for _ in range(3):
        read_pcm(path, resample=True)
    assert capsys.readouterr().err.count("cut short") == 1


def test_nothing_slow_is_imported_before_a_file_is_read():
    code = (
        "import sys, otolith.audio, otolith.audio.convert, otolith.audio.recordings;"
        "print([m for m in ('av', 'soundfile', 'soxr') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_audio_imports_no_upper_room():
    import otolith.audio

    allowed = {"audio", "files", "growing", "errors", "paths", "lazy"}
    for file in Path(otolith.audio.__file__).parent.glob("*.py"):
        for line in file.read_text().splitlines():
            if line.strip().startswith("from otolith."):
                assert line.split()[1].split(".")[1] in allowed, f"{file.name}: {line}"
