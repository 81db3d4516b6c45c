"""Builds and loads lib/features on this computer."""

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
    "lfbe.h",
    "rfft_q15.h",
    "rfft_kiss.h",
    "root.h",
    "magnitude.h",
    "log_q31.h",
    "log2_q10.h",
)
FLAGS = ("-O3",)


def sources() -> Sources:
    """The sources of lib/features."""
    return lib("features")


def built() -> Path | None:
    """The library's file. None: it has not been built from the current sources."""
    try:
        s = sources()
        path = library_path("features", s.files, s.include, (*s.flags, *FLAGS))
    except (UserError, OSError):
        return None
    return path if path.exists() else None


@cache
def features_library() -> tuple[cffi.FFI, Any]:
    """Loads the library as (ffi, lib) and builds it first if needed."""
    s = sources()
    return library("features", s.files, HEADERS, s.include, (*s.flags, *FLAGS))
