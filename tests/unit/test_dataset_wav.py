"""The WAV header parser against libsndfile and the standard library; broken files."""

import contextlib
import io
import struct
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from otolith.audio.wav_header import FLOAT, PCM, BadWav, Header, blocks, read_header
from support.dataset_files import tone, write


def parse(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    path.write_bytes(data)
    with path.open("rb") as file:
        return read_header(file)


@pytest.mark.parametrize(
    ("subtype", "form", "bits"),
    [
        ("PCM_U8", PCM, 8),
        ("PCM_16", PCM, 16),
        ("PCM_24", PCM, 24),
        ("PCM_32", PCM, 32),
        ("FLOAT", FLOAT, 32),
        ("DOUBLE", FLOAT, 64),
    ],
)
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_headers_libsndfile_writes(tmp_path, subtype, form, bits, kind, channels):
    samples = np.tile(tone(seconds=0.01)[:, None], channels)
    path = write(tmp_path / "x.wav", samples, 44100, subtype, format=kind)
    header, *data = blocks(path)
    assert (header.format, header.bits, header.channels, header.rate) == (
        form,
        bits,
        channels,
        44100,
    )
    assert header.frame == channels * bits // 8
    assert sum(map(len, data)) == header.length == 160 * header.frame


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(*chunks):
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16))


@given(
    before=st.lists(st.tuples(st.sampled_from([b"LIST", b"fact", b"junk"]), st.binary(max_size=9))),
    pcm=st.lists(st.integers(-32768, 32767), max_size=50),
)
def test_samples_are_found_behind_any_chunks(tmp_path_factory, before, pcm):
    samples = np.array(pcm, "<i2").tobytes()
    data = riff(
        *(chunk(*c) for c in before), FMT, *(chunk(*c) for c in before), chunk(b"data", samples)
    )
    header = parse(tmp_path_factory, data)
    with wave.open(io.BytesIO(data)) as file:
        assert data[header.start :][: header.length] == file.readframes(file.getnframes())


@given(data=st.data())
def test_broken_headers_are_refused_or_understood_within_the_file(tmp_path_factory, data):
    whole = bytearray(riff(chunk(b"LIST", b"abc"), FMT, chunk(b"data", bytes(64))))
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6)
    ):
        whole[place] = value
    whole = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        header = parse(tmp_path_factory, bytes(whole))
    except BadWav as error:
        assert str(error) and "\n" not in str(error)
        return
    assert 0 < header.start <= header.start + header.length <= len(whole)
    assert header.channels and header.rate
    assert not header.frame or header.length % header.frame == 0


@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory, data):
    with contextlib.suppress(BadWav):
        assert isinstance(parse(tmp_path_factory, data), Header)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"OggS" + bytes(60), "no WAV file"),
        (riff(FMT), "cut short: no samples"),
        (riff(), "no fmt chunk and no samples"),
        (riff(chunk(b"data", bytes(4)), FMT), "no fmt chunk before its samples"),
        (riff(FMT, chunk(b"data", bytes(100)))[:-30], "cut short: 30 bytes"),
        (riff(FMT, chunk(b"data", bytes(101))), "ends within a sample"),
        (riff(chunk(b"fmt ", bytes(16)), chunk(b"data", b"")), "makes no sense"),
        (riff(chunk(b"fmt ", bytes(8)), chunk(b"data", b"")), "8 bytes, not 16"),
    ],
)
def test_what_is_wrong_is_said(tmp_path_factory, data, says):
    with pytest.raises(BadWav, match=says):
        parse(tmp_path_factory, data)


def test_other_codecs_are_named(tmp_path):
    soundfile.write(tmp_path / "x.wav", tone(), 8000, subtype="ULAW")
    header = next(blocks(tmp_path / "x.wav"))
    assert str(header) == "8000 Hz, 8 bit mu-law, 1 channel(s)"
