"""Writes an exported model: a folder or a .zip, complete or not at all."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from otolith import paths
from otolith.errors import UserError, short, shown
from otolith.export.bundle import Bundle
from otolith.export.targets.registry import TARGETS
from otolith.files import cannot_write, write_bytes
from otolith.settings.problems import nearest
from otolith.settings.registries import attribute

_MADE = (1980, 1, 1, 0, 0, 0)  # of all files in a .zip, so that equal exports are equal bytes


def files_for(target: str, made: Bundle) -> dict[str, str]:
    """Text by path of an export.

    Args:
        target: A key of TARGETS.
        made: What is exported.

    Raises:
        UserError: There is no such target.
    """
    if target not in TARGETS:
        raise UserError(f"no target {short(shown(target))}: {nearest(target, TARGETS)}")
    found: dict[str, str] = attribute(TARGETS[target])(made)
    return {**found, "LICENSE": _license()}


def _license() -> str:
    for folder in (paths.ROOT, Path(__file__).parent):
        if (folder / "LICENSE").is_file():
            return (folder / "LICENSE").read_text(encoding="utf-8")
    raise UserError(f"{paths.ROOT / 'LICENSE'} is missing: install Otolith anew")


def write(files: dict[str, str], out: Path, replace: bool = False) -> None:
    """Writes the files into a new folder, or into a .zip if `out` ends so.

    Args:
        files: Text by path.
        out: The folder or .zip.
        replace: Whether a folder that is there may be replaced. It must be an earlier export.

    Raises:
        UserError: It exists, or it can't be written.
    """
    if out.suffix == ".zip":
        write_bytes(out, _zip(files, out.stem))
        return
    if os.path.lexists(out) and not (replace and _is_export(out, files)):
        raise UserError(
            f"{shown(out)} exists: choose another folder, or say --replace if it is an export"
        )
    target = out.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise cannot_write(target.parent, error) from error
    try:
        made.chmod(0o755)
        for name, text in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(text, encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _is_export(folder: Path, files: dict[str, str]) -> bool:
    """Whether a folder holds nothing but files of such an export.

    Another model or core has other sources, but all of them begin with the prefix.
    """
    if not folder.is_dir() or folder.is_symlink():
        return False
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    headers = [name for name in files if name.startswith("src/") and name.endswith(".h")]
    begin = min(headers, key=len).removesuffix(".h")  # the public one is called as the prefix
    sources = {n for n in there if n.startswith(f"{begin}_") and n.endswith((".c", ".h"))}
    return there <= set(files) | sources


def _zip(files: dict[str, str], top: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{top}/{name}", _MADE), text)
    return made.getvalue()
