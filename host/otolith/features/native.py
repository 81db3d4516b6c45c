"""lib/features on this computer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cffi

from otolith.errors import UserError
from otolith.native import library, library_path
from otolith.native.sources import Sources, lib

HEADERS = (
    "audio_features.h",
    "features_registry.h",
    "spectrogram.h",
    "mfcc.h",
    "logmel.h",
    "rfft_q15.h",
    "rfft_kiss.h",
    "root.h",
    "magnitude.h",
    "log_q31.h",
    "log2_q10.h",
)
FLAGS = ("-O3",)


def sources() -> Sources:
    """lib/features."""
    return lib("features")


def built() -> Path | None:
    """The library's file, if it has been built from the sources as they are."""
    try:
        s = sources()
        path = library_path("features", s.files, s.include, (*s.flags, *FLAGS))
    except (UserError, OSError):
        return None
    return path if path.exists() else None


@cache
def features_library() -> tuple[cffi.FFI, Any]:
    """(ffi, lib), built if needed."""
    s = sources()
    return library("features", s.files, HEADERS, s.include, (*s.flags, *FLAGS))
