"""Which files a library of lib/ needs, the same list the firmware builder uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from host import paths


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


def _lines(path: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def lib(*names: str) -> Sources:
    """The C files of lib/<name>/src, and every library's headers."""
    files = [f for name in names for f in sorted((paths.LIB / name / "src").rglob("*.c"))]
    return Sources(tuple(files), tuple(sorted(paths.LIB.glob("*/src"))))


def front_ends() -> Sources:
    """What lib/features calls: CMSIS-DSP and TFLM's audio front end."""
    return cmsis_dsp() + tflm_frontend()


def tflm_frontend() -> Sources:
    """The functions of TFLM's audio front end that lib/features names."""
    folder = paths.LIB / "features"
    return Sources(
        tuple(paths.TFLM_FRONTEND / line for line in _lines(folder / "tflm_frontend_sources.txt")),
        (
            paths.TFLM_FRONTEND,
            paths.TFLM_FRONTEND / "kissfft",
            paths.TFLM_FRONTEND / "kissfft" / "tools",
        ),
        tuple(_lines(folder / "tflm_frontend_flags.txt")),
    )


def cmsis_dsp() -> Sources:
    """The CMSIS-DSP functions lib/features names, in the arithmetic of the cmsisdsp wheel."""
    folder = paths.LIB / "features"
    return Sources(
        tuple(paths.CMSIS_DSP / line for line in _lines(folder / "cmsis_dsp_sources.txt")),
        (paths.CMSIS_DSP / "Include", paths.CMSIS_DSP / "PrivateInclude"),
        tuple(_lines(folder / "cmsis_dsp_flags.txt")),
    )
