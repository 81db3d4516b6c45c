"""Finds network architectures: registered ones by name, or the user's own code."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from otolith.errors import UserError, short
from otolith.settings.problems import nearest
from otolith.train.architectures import multi_scale
from otolith.train.architectures.registry import ARCHITECTURES

# A function that makes an untrained network: (frames, bands, classes, dropout) -> tf_keras Model.
Architecture = Callable[[int, int, int, float], Any]

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def find(name: str, code: Path | None = None) -> Architecture:
    """Finds an architecture.

    Args:
        name: A registered name, or "module:function" for the user's own code.
        code: The only folder from which such code may be loaded. Loading runs the code. None
            forbids it.

    Returns:
        The function that makes the untrained network.

    Raises:
        UserError: The architecture does not exist, its code is not allowed, or its code fails.
    """
    module, _, attribute = name.partition(":")
    if not attribute:
        if name not in ARCHITECTURES:
            raise UserError(
                f"no architecture {short(name)!r}: {nearest(name, list(ARCHITECTURES))}; or "
                "module:function beside the spec, with --allow-code"
            )
        module, _, attribute = ARCHITECTURES[name].partition(":")
        found: Architecture = getattr(importlib.import_module(module), attribute)
        return found
    where = f"architecture {short(name)!r}"
    if code is None:
        raise UserError(
            f"{where} is Python code that comes with the spec and would run on this computer: read "
            "it first, then say --allow-code"
        )
    file = _file(module, code, where)
    try:
        found = getattr(_loaded(file), attribute)
    except Exception as error:  # the user's code can fail in any way
        raise UserError(f"{where}: {file}: {type(error).__name__}: {error}") from error
    return found


def _file(module: str, folder: Path, where: str) -> Path:
    """The file of a module. It must be inside the folder, also after following links."""
    if not _MODULE.fullmatch(module):
        raise UserError(f"{where}: {short(module)!r} is no name of a module")
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    if not file.is_file():
        raise UserError(f"{where}: no {file}: code must be in the spec's own folder")
    if not file.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{where}: {file} leads out of the spec's own folder")
    return file


def _loaded(file: Path) -> ModuleType:
    """Loads a file as a module, which may import modules from the same folder."""
    digest = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]
    name = f"otolith_own_{digest}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # a .py file has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # fused() looks up the module here
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(file.parent))
    return module


def fused(model: Any, architecture: Architecture | str | None = None) -> Any:
    """Simplifies a trained network before conversion without changing its function.

    Args:
        model: A trained tf_keras Model.
        architecture: Its architecture, or the name of a registered one. If its module has a
            function for_inference(model), that function does the work. Otherwise, parallel
            depthwise convolutions are merged.

    Returns:
        The simplified network, or `model` if there is nothing to simplify.

    Raises:
        UserError: for_inference() fails, or changes the shape of the input or output.
    """
    build = find(architecture) if isinstance(architecture, str) else architecture
    module = sys.modules.get(getattr(build, "__module__", ""))
    hook = getattr(module, "for_inference", multi_scale.for_inference)
    try:
        twin = hook(model)
        if (twin.input_shape, twin.output_shape) != (model.input_shape, model.output_shape):
            raise ValueError(f"gives {twin.output_shape}, not {model.output_shape}")
    except Exception as error:  # the user's hook can fail in any way
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        file = Path(getattr(module, "__file__", None) or "architecture").name
        raise UserError(f"{file}: for_inference: {line}") from error
    return twin
