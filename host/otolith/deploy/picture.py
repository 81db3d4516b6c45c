"""A picture of a run: what was played, how the network scored it, what the board said."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.deploy.scenario import Detection, Outcome
from otolith.errors import shown
from otolith.files import replacing

COLOURS = ["#d1495b", "#00798c", "#edae49", "#66a182", "#2e4057", "#8d96a3", "#7a4988", "#c05805"]

_FLOOR_DB = -120.0  # of the spectrogram


def _literal(text: str) -> str:
    """Text that matplotlib shows as it is: no formula, no control characters."""
    return shown(text).replace("$", r"\$")


def draw(
    path: Path,
    title: str,
    pcm: np.ndarray,
    outcomes: Sequence[Outcome],
    detections: Sequence[Detection],
    score_times_ms: np.ndarray,
    scores: np.ndarray,
    labels: Sequence[str],
    thresholds: dict[str, float],
) -> None:
    """Write a PNG with waveform, spectrogram, smoothed scores over time, and detections.

    Args:
        path: the PNG file.
        title: over the picture.
        pcm: (samples,) int16 as played, 16 kHz.
        outcomes: the segments, judged.
        detections: the board's, in milliseconds from the first sample.
        score_times_ms: (hops,) when each hop's scores came.
        scores: (hops, labels) smoothed scores, 0..1.
        labels: of the columns of `scores`.
        thresholds: by label. Labels without one never make an event and are not drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(thresholds)}
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    wave, spectrogram, score = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [1, 1.4, 1.2]}
    )
    seconds = np.arange(len(pcm)) / RATE
    step = max(1, len(pcm) // 20000)
    wave.plot(seconds[::step], pcm[::step] / 32768, linewidth=0.4, color="#555555")
    wave.set_ylabel("waveform")
    wave.set_ylim(-1.05, 1.05)
    wave.set_title(_literal(title))
    for outcome in outcomes:
        for axis in (wave, score):
            axis.axvspan(
                outcome.start_ms / 1000,
                outcome.end_ms / 1000,
                color=colours.get(outcome.label or "", "#ffffff"),
                alpha=0.12,
            )
        middle = (outcome.start_ms + outcome.end_ms) / 2000
        wave.text(middle, 0.86, _literal(outcome.name), ha="center", va="top", fontsize=8)

    # A constant signal has no power to put in decibels.
    noise = np.random.default_rng(0).normal(0, 1e-5, len(pcm))
    *_, image = spectrogram.specgram(
        pcm / 32768 + noise, NFFT=512, Fs=RATE, noverlap=256, cmap="magma"
    )
    image.set_clim(_FLOOR_DB, max(image.get_clim()[1], _FLOOR_DB + 1))  # silence lies below
    spectrogram.set_ylabel("Hz")

    lines = {}
    for index, label in enumerate(labels):
        if label in thresholds:
            (line,) = score.plot(
                score_times_ms / 1000, scores[:, index], color=colours[label], lw=1.2
            )
            lines[label] = line
    for label, threshold in thresholds.items():
        score.axhline(threshold, color=colours[label], linestyle=":", linewidth=0.8)
    for detection in detections:
        score.plot(
            detection.t_ms / 1000,
            detection.score,
            marker="v",
            color=colours.get(detection.label, "black"),
            markeredgecolor="black",
            markersize=9,
        )
    score.set_ylim(-0.03, 1.08)
    score.set_ylabel("score (▼ detected)")
    score.set_xlabel("seconds")
    score.set_xlim(0, len(pcm) / RATE)
    if lines:
        # Handles by hand: matplotlib leaves labels that begin with "_" out of its own legend.
        names = [_literal(label) for label in lines]
        columns = max(1, len(thresholds) // 3)
        score.legend(list(lines.values()), names, loc="upper left", fontsize=8, ncols=columns)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # shown as a box
        figure.savefig(temporary, dpi=110)
