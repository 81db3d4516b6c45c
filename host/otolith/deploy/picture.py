"""One picture of a run: what was played, what the network thought of it, what the board said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.deploy.scenario import Detection, Outcome
from otolith.files import replacing

COLOURS = ["#d1495b", "#00798c", "#edae49", "#66a182", "#2e4057", "#8d96a3", "#7a4988", "#c05805"]


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
    """Write a PNG: waveform, spectrogram, smoothed scores over time with the detections.

    pcm: int16 as played. scores: (len(score_times_ms), len(labels)), 0..1, as the board reported
    them; only labels with a threshold are drawn, the others never make an event.
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
    wave.set_title(title)
    for outcome in outcomes:
        for axis in (wave, score):
            axis.axvspan(
                outcome.start_ms / 1000,
                outcome.end_ms / 1000,
                color=colours.get(outcome.label or "", "#ffffff"),
                alpha=0.12,
            )
        middle = (outcome.start_ms + outcome.end_ms) / 2000
        wave.text(middle, 0.86, outcome.name, ha="center", va="top", fontsize=8)

    # A constant signal has no power to put in decibels.
    noise = np.random.default_rng(0).normal(0, 1e-5, len(pcm))
    spectrogram.specgram(
        pcm / 32768 + noise, NFFT=512, Fs=RATE, noverlap=256, cmap="magma", vmin=-120
    )
    spectrogram.set_ylabel("Hz")

    for index, label in enumerate(labels):
        if label in thresholds:
            score.plot(
                score_times_ms / 1000, scores[:, index], color=colours[label], label=label, lw=1.2
            )
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
    if len(thresholds) > 0:
        score.legend(loc="upper left", fontsize=8, ncols=max(1, len(thresholds) // 3))
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
