"""`make release`: wheels, source distribution and firmware images in dist/, with checksums.

It builds an image of each ready model for every board, the source distribution and the wheel, and
runs the demo from the wheel in a fresh virtual environment. A model without a .tflite gets no
image, unless --train trains it first. Images are kept in build/release: a release that was stopped
goes on where it was. ci.yml adds the wheels of other systems and publishes all on a tag.
"""

import argparse
import functools
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import extra
from otolith import paths
from otolith.deploy import upload
from otolith.device.boards import load_boards
from otolith.errors import UserError
from otolith.files import replacing
from otolith.firmware.build import build
from otolith.settings.spec import load
from otolith.version import VERSION

SUMS = "SHA256SUMS"
IMAGES = "IMAGES.md"
KEPT = "build/release"
# what an image is built from, beside its network
SOURCES = ("boards", "firmware", "host/otolith", "lib", "platform", "platformio.ini")
HOW_TO = """Every image holds the firmware and one model.
A board prints what it hears as JSON lines on its serial port.

`uf2`: hold BOOTSEL while you plug the board in (nRF52840 boards: press reset twice), and copy the
file to the drive that appears. The other methods are programs: see docs/boards.md."""


def run(*command: object, cwd: Path = paths.ROOT, quiet: bool = False, **variables: str) -> None:
    """Run a command and show its output (if `quiet`: of a failure); stop if it fails."""
    print("+", *command, flush=True)
    env, to = {**os.environ, **variables}, subprocess.PIPE if quiet else None
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=env, stdout=to, stderr=subprocess.STDOUT if to else None
    )
    if done.returncode:
        sys.stdout.buffer.write(done.stdout or b"")
        raise UserError(f"{Path(str(command[0])).name} failed (above): nothing is released")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what a step is, and at its end the seconds it took."""
    print(f"== {name}", flush=True)
    start = time.monotonic()
    yield
    print(f"== {name}: {time.monotonic() - start:.0f} s", flush=True)


def trained(name: str, train: bool) -> Path | None:
    """The .tflite of a ready model. Without one: None, or a training if `train` says so."""
    folder = paths.MODELS / name
    tflite = folder / f"{load(folder).model.name}.tflite"
    if not tflite.exists() and train:
        run(sys.executable, "-m", "otolith", "train", folder)
    return tflite if tflite.exists() else None


@functools.cache
def sources() -> str:
    """A hash of everything but board and network that an image's bytes depend on."""
    found = hashlib.sha256()
    for name in SOURCES:
        top = paths.ROOT / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix != ".pyc":
                found.update(f"{path.relative_to(paths.ROOT)}\0".encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    gcc = shutil.which("arm-none-eabi-gcc")  # else PlatformIO's, of a version that host/ pins
    version = subprocess.run([gcc, "--version"], capture_output=True).stdout if gcc else b""
    told = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("OTOLITH"))
    platformio = importlib.metadata.version("platformio")
    found.update(f"{version!r} {platformio} {paths.PICO_SDK} {told}".encode())
    return found.hexdigest()[:16]


def image(board: str, tflite: Path) -> Path:
    """The image of one board and network: the kept one, if it was built from the same files.

    Raises:
        UserError: The network does not fit or can't keep up, or the build failed.
    """
    kept = paths.ROOT / KEPT / sources()
    name = f"{board}-{hashlib.sha256(tflite.read_bytes()).hexdigest()[:16]}"
    if there := list(kept.glob(f"{name}.*")):
        return there[0]
    built = upload.image(board, build(board, tflite).folder)
    with replacing(kept / f"{name}{built.suffix}") as target:
        shutil.copy(built, target)
    return kept / f"{name}{built.suffix}"


def forget_others() -> None:
    """Remove the images that were built from other sources."""
    for folder in (paths.ROOT / KEPT).glob("*"):
        if folder.name != sources():
            shutil.rmtree(folder)


def images(
    models: Iterable[str], out: Path, train: bool, boards: Container[str] | None = None
) -> list[Path]:
    """One image per ready model and board, named MODEL-BOARD-VERSION.SUFFIX, and a list of them.

    The suffix is what the board's first upload method takes: .uf2, .hex or .bin.

    boards: Ids of the boards; None for all.

    A model without a .tflite, and a board on which a model does not fit or can't keep up, get none.
    The reason is printed, and stands in the list (IMAGES.md).
    """
    made, rows, without = [], [], []
    for name in models:
        tflite = trained(name, train)
        if tflite is None:
            without.append(f"{name}: not trained (host train models/{name}, or --train)")
            print(f"left out: {without[-1]}", flush=True)
            continue
        for board in load_boards():
            if board.qemu is not None or (boards is not None and board.id not in boards):
                continue
            start = time.monotonic()
            try:
                built = image(board.id, tflite)
            except UserError as error:
                without.append(f"{name} on {board.id}: {error.message}")
                print(f"left out: {without[-1]}", flush=True)
                continue
            made.append(out / f"{name}-{board.id}-{VERSION}{built.suffix}")
            shutil.copy(built, made[-1])
            size, took = made[-1].stat().st_size, time.monotonic() - start
            print(f"{made[-1].name}: {size} bytes, {took:.0f} s", flush=True)
            rows.append(f"| {made[-1].name} | {board.name} | {board.upload.protocols[0]} |")
    (out / IMAGES).write_text(listed(rows, without))
    return made


def listed(rows: Sequence[str], without: Sequence[str]) -> str:
    """The text of IMAGES.md: a table row an image, and a line for each that there is not."""
    table = ["| image | board | put there by |", "|---|---|---|", *rows] if rows else []
    left = ["There is no image of", "", *(f"- {line}" for line in without)] if without else []
    blocks = ["\n".join(block) for block in (table, left) if block]
    return "\n\n".join([f"# Images of Otolith {VERSION}", HOW_TO, *blocks]) + "\n"


def packages(out: Path) -> None:
    """Build the source distribution, and from it the wheel for this system."""
    with tempfile.TemporaryDirectory() as folder:
        extra.make(Path(folder) / "extra")
        told = {"OTOLITH_EXTRA": str(Path(folder) / "extra")}
        run(sys.executable, "-m", "build", "--outdir", out, paths.ROOT, quiet=True, **told)
    for file in sorted([*out.glob("*.tar.gz"), *out.glob("*.whl")]):
        print(f"{file.name}: {file.stat().st_size} bytes", flush=True)


def write_sums(out: Path) -> Path:
    """Write SHA256SUMS of every other file, in the format that `sha256sum --check` reads."""
    files = sorted(path for path in out.iterdir() if path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / SUMS).write_text("".join(lines))
    return out / SUMS


def demo(out: Path) -> None:
    """Install the wheel in a fresh virtual environment and run the demo there."""
    with tempfile.TemporaryDirectory(prefix="otolith release ") as folder:
        home = Path(folder)
        run(sys.executable, "-m", "venv", home / "venv")
        programs = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
        wheel = next(out.glob(f"otolith-{VERSION}-*.whl"))
        run(programs / "pip", "install", "-q", f"{wheel}[train]", cwd=home)
        told = {"XDG_CACHE_HOME": str(home / "cache")}
        host = programs / "host"
        run(host, "setup", cwd=home, **told)
        run(host, "new", "fire_alarm", "--from", "fire_alarm", cwd=home, **told)
        run(host, "train-and-deploy", "fire_alarm", "--virtual", cwd=home, **told)


def main() -> None:
    """Read the options and make the release."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=paths.ROOT / "dist")
    options.add_argument(
        "--models", nargs="*", default=extra.READY, help=f"default: {' '.join(extra.READY)}"
    )
    options.add_argument("--boards", nargs="*", help="default: all that are not emulated alone")
    options.add_argument("--train", action="store_true", help="train models without a .tflite")
    options.add_argument("--no-demo", action="store_true")
    options.add_argument("--sums", action="store_true", help="only write SHA256SUMS")
    told = options.parse_args()
    if not told.sums:
        shutil.rmtree(told.out, ignore_errors=True)
        told.out.mkdir(parents=True)
        with step("images"):
            forget_others()
            images(told.models, told.out, told.train, told.boards)
        with step("source distribution and wheel"):
            packages(told.out)
        if not told.no_demo:
            with step("the demo from the wheel"):
                demo(told.out)
    print(write_sums(told.out))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"Error: {error.message}")
