"""Draws the input of the network at an event."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from otolith.files import replacing


def file_name(source: str, t_ms: int, label: str) -> str:
    """A file name that sorts by time and is valid for any source and label."""
    parts = (str(Path(source).with_suffix("")), f"{t_ms:08d}", label)
    return "-".join(re.sub(r"[^A-Za-z0-9_-]+", "_", part).strip("_") for part in parts) + ".png"


def draw(path: Path, window: np.ndarray, title: str, end_ms: int, frame_ms: float) -> None:
    """Write a PNG of the input of a network.

    Args:
        path: The file.
        window: int8 array of shape (frames, bands).
        title: Text above the picture.
        end_ms: Time of the end of the last frame, ms.
        frame_ms: Time from frame to frame, ms.

    Raises:
        UserError: The file can't be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    start = (end_ms - len(window) * frame_ms) / 1000
    image = axis.imshow(
        window.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(start, end_ms / 1000, -0.5, window.shape[1] - 0.5),
        cmap="magma",
        vmin=-128,
        vmax=max(-64, int(window.max())),
    )
    axis.set(title=title, xlabel="s", ylabel="band")
    figure.colorbar(image, label="network input")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
