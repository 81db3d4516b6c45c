"""Lists the source files of each library."""

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
# 16-bit kissfft, and no fused multiply-add, which would change some table entries
TFLM_FLAGS = ("-DFIXED_POINT=16", "-ffp-contract=off")


@dataclass(frozen=True)
class Sources:
    """C files, include folders and compiler flags of one or more libraries."""

    files: tuple[Path, ...] = ()
    include: tuple[Path, ...] = ()
    flags: tuple[str, ...] = field(default=())

    def __add__(self, other: Sources) -> Sources:
        return Sources(
            self.files + other.files, self.include + other.include, self.flags + other.flags
        )


def lib(*names: str) -> Sources:
    """The C files of lib/<name>/src for each name, and the include folders of all libraries."""
    files = [f for name in names for f in sorted((paths.LIB / name / "src").rglob("*.c"))]
    return Sources(tuple(files), tuple(sorted(paths.LIB.glob("*/src"))))


def tflm_frontend() -> Sources:
    """The part of TFLM's audio front end that computes tables for lib/features.

    It is built as in the pymicro-features wheel. host/otolith/features/logmel.py uses it.
    """
    return Sources(
        tuple(paths.TFLM_FRONTEND / name for name in TFLM_FILES),
        (
            paths.TFLM_FRONTEND,
            paths.TFLM_FRONTEND / "kissfft",
            paths.TFLM_FRONTEND / "kissfft" / "tools",
        ),
        TFLM_FLAGS,
    )
