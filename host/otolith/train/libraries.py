"""Libraries that training needs and the package's base does without, or one line that says so."""

from __future__ import annotations

from otolith.errors import UserError
from otolith.paths import INSTALLED


def missing(library: str) -> UserError:
    """The error of a training without one of its libraries."""
    how = "pip install 'otolith[train]'" if INSTALLED else "make setup"
    return UserError(f"training needs {library}: run `{how}`")


try:
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load, save, save_file
except ImportError as error:
    raise missing("TensorFlow and safetensors") from error

__all__ = ["SafetensorError", "load", "missing", "safe_open", "save", "save_file"]
