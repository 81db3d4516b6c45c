"""A tone in the formats of phones and browsers, encoded by FFmpeg."""

from pathlib import Path

import av
import numpy as np

SECONDS, HZ, LEVEL = 4.0, 700, 0.4


def tone(rate: int) -> np.ndarray:
    n = round(SECONDS * rate)
    # a pure tone would fit into one Ogg page
    noise = np.random.default_rng(rate).normal(0, 0.02, n)
    return LEVEL * np.sin(2 * np.pi * HZ * np.arange(n) / rate) + noise


def by_ffmpeg(path: Path, container: str, codec: str, rate: int, options: dict) -> None:
    with av.open(str(path), "w", format=container, options=options) as file:
        out = file.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":
            out.bit_rate = 128_000
        pcm = np.round(32767 * tone(rate)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        context = out.codec_context
        resampler = av.AudioResampler(
            format=context.format, layout="mono", rate=rate, frame_size=context.frame_size or 0
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(out.encode(part))
        file.mux(out.encode(None))
