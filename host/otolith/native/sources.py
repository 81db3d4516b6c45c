"""Which files a library needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from otolith import paths

TFLM_LIB = "tensorflow/lite/experimental/microfrontend/lib"
_UTILITIES = ("filterbank", "log_scale", "noise_reduction", "pcan_gain_control", "window")
TFLM_FILES = (
    "kissfft/kiss_fft.c",
    "kissfft/tools/kiss_fftr.c",
    f"{TFLM_LIB}/pcan_gain_control.c",  # pcan_gain_control_util.c calls it
    *(f"{TFLM_LIB}/{name}_util.c" for name in _UTILITIES),
)
# 16-bit kissfft, and no fused multiply-add, which flips cells of the tables
TFLM_FLAGS = ("-DFIXED_POINT=16", "-ffp-contract=off")


@dataclass(frozen=True)
class Sources:
    """C files, include folders and flags of one or more libraries."""

    files: tuple[Path, ...] = ()
    include: tuple[Path, ...] = ()
    flags: tuple[str, ...] = field(default=())

    def __add__(self, other: Sources) -> Sources:
        return Sources(
            self.files + other.files, self.include + other.include, self.flags + other.flags
        )


def lib(*names: str) -> Sources:
    """The C files of lib/<name>/src, and every library's headers."""
    files = [f for name in names for f in sorted((paths.LIB / name / "src").rglob("*.c"))]
    return Sources(tuple(files), tuple(sorted(paths.LIB.glob("*/src"))))


def tflm_frontend() -> Sources:
    """TFLM's audio front end as the pymicro-features wheel is built: its functions that compute
    lib/features' tables (host/otolith/features/logmel.py)."""
    return Sources(
        tuple(paths.TFLM_FRONTEND / name for name in TFLM_FILES),
        (
            paths.TFLM_FRONTEND,
            paths.TFLM_FRONTEND / "kissfft",
            paths.TFLM_FRONTEND / "kissfft" / "tools",
        ),
        TFLM_FLAGS,
    )
