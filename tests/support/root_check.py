"""Compares lib/features' square root with CMSIS-DSP's, over ranges too long for Python."""

from functools import cache
from typing import Any

from otolith.native import library as native
from otolith.native.sources import lib
from otolith.paths import CMSIS_DSP, NATIVE

SOURCE = """
#include "dsp/fast_math_functions.h"
#include "magnitude.h"
uint32_t differences(uint32_t first, uint32_t last) {
    uint32_t count = 0;
    for (uint32_t x = first; x <= last; x++) {
        q31_t root;
        arm_sqrt_q31((q31_t)x, &root);
        int16_t ours;
        magnitudes(&x, &ours, 1);
        count += root >> 16 != ours;
    }
    return count;
}
"""
CALLED = ("FastMathFunctions/arm_sqrt_q31.c", "CommonTables/arm_common_tables.c")


@cache
def library() -> Any:
    """A library with differences(first, last): the number of x where the two roots differ."""
    NATIVE.mkdir(parents=True, exist_ok=True)
    source = NATIVE / "root_check.c"
    source.write_text(SOURCE)
    ours = lib("features")
    files = (
        source,
        *(f for f in ours.files if f.name in ("magnitude.c", "root.c")),
        *(CMSIS_DSP / "Source" / name for name in CALLED),
    )
    include = (*ours.include, CMSIS_DSP / "Include", CMSIS_DSP / "PrivateInclude")
    flags = ("-D__GNUC_PYTHON__", "-w")  # portable C, as in the cmsisdsp wheel
    return native("root-check", files, (source.name,), (NATIVE, *include), flags)[1]
