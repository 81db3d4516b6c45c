"""Networks by name: one file each, one line here."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator

from otolith.errors import UserError
from otolith.train.architectures import multi_scale

ARCHITECTURES = {
    "alarm_cnn": "otolith.train.architectures.alarm_cnn:alarm_cnn",
    "bc_resnet": "otolith.train.architectures.bc_resnet:bc_resnet",
    "ds_cnn_m": "otolith.train.architectures.ds_cnn:ds_cnn_m",
    "ds_cnn_s": "otolith.train.architectures.ds_cnn:ds_cnn_s",
    "esc_cnn": "otolith.train.architectures.esc_cnn:esc_cnn",
    "keyword_cnn": "otolith.train.architectures.compact_cnn:keyword_cnn",
    "micro_speech": "otolith.train.architectures.micro_speech:micro_speech",
    "separable_cnn": "otolith.train.architectures.separable_cnn:separable_cnn",
    "smart_lock_cnn": "otolith.train.architectures.smart_lock_cnn:smart_lock_cnn",
    "smart_lock_small": "otolith.train.architectures.compact_cnn:smart_lock_small",
    "speech_cnn": "otolith.train.architectures.speech_cnn:speech_cnn",
    "strided_cnn": "otolith.train.architectures.strided_cnn:strided_cnn",
    "tenet12": "otolith.train.architectures.tenet:tenet12",
    "tenet20": "otolith.train.architectures.tenet:tenet20",
    "tenet6": "otolith.train.architectures.tenet:tenet6",
    "tenet6_narrow": "otolith.train.architectures.tenet:tenet6_narrow",
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


def fused(model, architecture: str | Callable | None = None):
    """`model` as it is converted: what for_inference(model) in its architecture's module makes of
    it, and where there is none, with parallel depthwise convolutions made one. The same model if
    there is nothing to do."""
    build = find(architecture) if isinstance(architecture, str) else architecture
    module = sys.modules.get(getattr(build, "__module__", ""))
    hook = getattr(module, "for_inference", multi_scale.for_inference)
    try:
        twin = hook(model)
        if (twin.input_shape, twin.output_shape) != (model.input_shape, model.output_shape):
            raise ValueError(f"gives {twin.output_shape}, not {model.output_shape}")
    except Exception as error:  # a hook of the user's own can fail in any way
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{getattr(module, '__name__', '')}: for_inference: {line}") from error
    return twin


@contextlib.contextmanager
def _here() -> Iterator[None]:
    """Modules in the current folder are found, as `python -m` finds them."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")
