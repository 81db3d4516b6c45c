"""Piper's voices: neural voices as .onnx files, for `host data synth`."""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from otolith import paths
from otolith.data.fetch.base import FOLDER, Archive, Collection, Get, Wanted
from otolith.errors import UserError, shown
from otolith.untrusted import load_json

_HOST = "https://huggingface.co/rhasspy/piper-voices/resolve/v1.0.0"
_INDEX = Archive("voices.json", (f"{_HOST}/voices.json",), packed=False)
_MD5 = re.compile(r"[0-9a-f]{32}")
_BESIDE = (".onnx", ".onnx.json")
VOICES = ("en_US-libritts_r-medium", "en_GB-vctk-medium")  # 904 and 109 speakers


class PiperVoices(Collection):
    """Their index, voices.json, names the files of each voice, their sizes and MD5 sums."""

    name = "piper"
    about = f"neural voices, --voices NAME ({', '.join(VOICES)})"
    licence = "MIT (the collection); each voice's MODEL_CARD names that of its recordings"
    page = "https://huggingface.co/rhasspy/piper-voices"
    source = "voices.json of the collection (MD5), downloaded with them"
    makes = FOLDER
    options = ("voices",)
    home = paths.TOOLS / "piper"

    def archives(self, wanted: Wanted, get: Get) -> Sequence[Archive]:
        index = load_json(get(_INDEX).read_bytes())
        if not isinstance(index, dict):
            raise UserError("voices.json of piper is no table of voices")
        return [file for name in wanted.voices or VOICES for file in _files(index, name)]

    def place(self, folder: Path, to: Path, wanted: Wanted) -> int:
        files = sorted(path for path in folder.iterdir() if path.name.endswith(_BESIDE))
        for path in files:
            shutil.move(path, to / path.name)
        return len(files)


def _files(index: dict[str, Any], name: str) -> list[Archive]:
    """The model of a voice and its settings."""
    about = index.get(name)
    if about is None:
        near = difflib.get_close_matches(name, index, 3, 0.5)
        hint = f": near it: {', '.join(near)}" if near else ""
        raise UserError(f"piper has no voice {shown(name)!r}{shown(hint)}")
    files = about.get("files") if isinstance(about, dict) else None
    found = []
    for path, facts in (files if isinstance(files, dict) else {}).items():
        plain = PurePosixPath(path)
        if not plain.name.endswith(_BESIDE) or plain.is_absolute() or ".." in plain.parts:
            continue
        facts = facts if isinstance(facts, dict) else {}
        size, md5 = facts.get("size_bytes"), facts.get("md5_digest")
        if not isinstance(md5, str) or not _MD5.fullmatch(md5):
            raise UserError(f"voices.json of piper has no MD5 sum for {shown(plain.name)}")
        found.append(
            Archive(
                plain.name,
                (f"{_HOST}/{plain}",),
                size if isinstance(size, int) and size > 0 else 0,
                f"md5:{md5}",
                packed=False,
            )
        )
    if {Path(file.file).suffix for file in found} != {".onnx", ".json"}:
        raise UserError(f"voices.json of piper lists no .onnx and .onnx.json for {shown(name)}")
    return found
