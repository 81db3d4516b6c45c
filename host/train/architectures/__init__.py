"""Networks by name: one file each, one line here."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator

from host.errors import UserError

ARCHITECTURES = {
    "alarm_cnn": "host.train.architectures.alarm_cnn:alarm_cnn",
    "esc_cnn": "host.train.architectures.esc_cnn:esc_cnn",
    "strided_cnn": "host.train.architectures.strided_cnn:strided_cnn",
}


def find(name: str) -> Callable:
    """A registered network, or `module:function` of the user's own; called as
    function(frames, bands, classes, dropout) -> keras Model with softmax output."""
    target = ARCHITECTURES.get(name, name)
    module, _, attribute = target.partition(":")
    if not attribute:
        raise UserError(
            f"no architecture {name!r}: one of {', '.join(ARCHITECTURES)}, or module:function"
        )
    try:
        with _here():
            return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a module of the user's own can fail in any way
        raise UserError(f"architecture {name!r}: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _here() -> Iterator[None]:
    """Modules in the current folder are found, as `python -m` finds them."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")
