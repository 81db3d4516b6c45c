"""[quantize]: how the trained network becomes int8."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.settings.fields import setting


@dataclass(frozen=True)
class Quantize:
    """[quantize] of a spec."""

    mode: str = setting(
        "`ptq` quantises after training; `qat` trains further with quantisation in the loop.",
        "ptq",
        names=("ptq", "qat"),
    )
    samples: int = setting(
        "Training windows that set the ranges of activations.", 200, low=1, high=10000
    )
    epochs: int = setting("Epochs of quantisation-aware training.", 3, low=1, high=1000)
    learning_rate: float = setting(
        "Learning rate of quantisation-aware training.", 1e-4, above=0, below=1
    )
