"""Where TensorFlow Lite Micro comes from: a git repository that platformio.ini names and PlatformIO
fetches with the first build of an environment with custom_engine = tflm."""

from __future__ import annotations

import configparser
import os
import subprocess
from functools import cache
from pathlib import Path

from otolith.errors import UserError
from otolith.paths import INSTALLED, ROOT, USER_CACHE

_PATIENCE_S = 20


def settings() -> configparser.ConfigParser:
    """platformio.ini."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "platformio.ini")
    return config


def uses_tflm(environment: str) -> bool:
    """Does an environment of platformio.ini build the tflm engine?"""
    return settings().get(f"env:{environment}", "custom_engine", fallback=None) == "tflm"


def library(environment: str) -> Path:
    """Where PlatformIO keeps an environment's copy of the library."""
    # PlatformIO keeps them in the project's workspace, which is beside the project of links
    home = USER_CACHE / "pio" if INSTALLED else ROOT / ".pio"
    kept = Path(os.environ.get("PLATFORMIO_LIBDEPS_DIR", home / "libdeps"))
    return kept / environment / "pico-tflmicro"


@cache
def _reachable(url: str) -> bool:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", "ls-remote", "--exit-code", url, "HEAD"],
            capture_output=True,
            timeout=_PATIENCE_S,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def missing(environment: str) -> str | None:
    """Why `environment` can't be built, in one line, or None if its library is here or can be
    fetched."""
    if (library(environment) / "src").is_dir():
        return None
    url = settings()["tflm"]["library"].partition("#")[0]
    if _reachable(url):
        return None
    return (
        f"TensorFlow Lite Micro is not here and git can't reach {url}: go online for the first "
        "build, or use the compiled engine"
    )


def require(environment: str) -> None:
    """UserError if `environment` needs TensorFlow Lite Micro and can't have it."""
    if uses_tflm(environment) and (reason := missing(environment)):
        raise UserError(reason)
