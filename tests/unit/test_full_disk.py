"""On a full disk, every command reports the error in one line and keeps existing files."""

import contextlib
import errno
import sqlite3

import click
import numpy as np
import pytest
from click.testing import CliRunner

from otolith import files
from otolith.cli import main
from otolith.data.metadata import Row
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.lazy import LazyGroup
from otolith.virtual import cli as virtual_cli
from support.chain_model import network, sound
from support.dataset_files import dataset, noise, write
from support.full_disk import full_disk

# Each command gets its input in a folder and writes there. {} stands for the folder.
COMMANDS = {
    "import": "data import {}/in --dataset {}/ds",
    "cut": "data cut {}/long.wav --dataset {}/ds",
    "merge": "data merge {}/ds -o {}/all",
    "relabel": "data relabel dog wolf --dataset {}/ds",
    "remove": "data remove dog --yes --dataset {}/ds",
    "split": "data split --again --dataset {}/ds",
    "segment": "data segment {}/long.wav -o {}/new.txt",
    "labels": "data labels {}/cut.wav -o {}/labels.txt --dataset {}/ds",
    "join": "data join dog -o {}/joined.wav --dataset {}/ds",
    "stats": "data stats --dataset {}/ds -o {}/stats.png",
    "plot": "data plot dog --dataset {}/ds -o {}/plot.png",
    "synth": "data synth impact knocking --count 2 -o {}/ds",
    "features": "features {}/in -o {}/features.npz --resample",
    "compile": "compile {model} -o {}/c",
    "header": "header {model} -o {}/model.h",
    "classify": "classify {}/loud.wav --model {model} --spectrogram {}/pictures",
    "evaluate": "evaluate {model} --data {}/ds -o {}/page.html",
    "sweep": "evaluate {model} --data {}/ds --sweep {}/sweep.csv",
    "stream": "evaluate {model} --stream {}/long.wav -o {}/page.html",
}


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Fill caches and build libraries before the disk is full."""
    from otolith.compile.engine import HostModel
    from otolith.listen.chain import Chain

    Chain(network(2))
    HostModel(network(2))


@pytest.fixture
def folder(tmp_path, warm):
    (tmp_path / "loud.tflite").write_bytes(network(2))
    rows = [Row(f"dog/{n}.wav", "dog", note="x" * 90) for n in range(5)]
    rows += [Row(f"cat/{n}.wav", "cat", note="x" * 90) for n in range(5)]
    dataset(tmp_path / "ds", rows)
    for name in ("loud", "background"):  # for evaluate
        write(tmp_path / "ds" / name / "a.wav", noise(3, 4))
    for n in range(3):
        write(tmp_path / "in" / "bird" / f"{n}.wav", noise(50 + n))
    long = noise(8, 6) // 40
    for start in (1, 3):
        long[start * 16000 : start * 16000 + 8000] = noise(9, 0.5)
    write(tmp_path / "long.wav", long)
    write(tmp_path / "loud.wav", sound())
    (tmp_path / "long.txt").write_text("1\t2\tdog\n3\t4\tcat\n")
    write(tmp_path / "cut.wav", noise(4, 2))
    (tmp_path / "cut.txt").write_text("0\t0.5\tdog\n1\t1.5\tdog\n")
    done = CliRunner().invoke(main, f"data cut {tmp_path}/cut.wav --dataset {tmp_path}/ds".split())
    assert done.exit_code == 0, done.output
    for name in ("new.txt", "labels.txt", "stats.png", "plot.png", "page.html", "model.h"):
        if name != "new.txt":
            (tmp_path / name).write_text("old")
    return tmp_path


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_line_and_nothing_is_lost(folder, name):
    before = content(folder)
    arguments = (
        COMMANDS[name]
        .replace("{model}", str(folder / "loud.tflite"))
        .replace("{}", str(folder))
        .split()
    )
    with full_disk(16):
        done = CliRunner().invoke(main, arguments)
    assert isinstance(done.exception, SystemExit) and done.exit_code == 1, done.output
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1 and "can't write" in errors[0] and "File too large" in errors[0]
    after = content(folder)
    assert {file: after.get(file) for file in before} == before
    assert not [file for file in set(after) - set(before) if not file.startswith("c/")]
    # the same command works once there is room; on a terminal, --quiet leaves progress out
    done = CliRunner().invoke(main, ["--quiet", *arguments], env={"FORCE_COLOR": "1"})
    assert done.exit_code in (0, 1) and not isinstance(done.exception, OSError), done.output
    assert "\x1b" not in done.stderr and "\r" not in done.stderr


class Board:
    """A virtual board that has a LED and sends what it hears."""

    ready, in_bootloader, has_microphone, SETTLE_MS, events = True, False, True, 0.0, ()
    board = named("pico")
    time_ms = 0.0

    def __init__(self):
        self.led = [(float(n), n % 2) for n in range(99)]

    def run_ms(self, ms):
        self.time_ms += ms

    def read(self):
        return b""

    def read_audio(self):
        return np.arange(80, dtype=np.int16)

    def write(self, data):
        pass


@pytest.mark.parametrize("option", ["--led-out", "--pcm-out"])
@pytest.mark.parametrize("there", [True, False])
def test_a_virtual_board_on_a_full_disk(tmp_path, monkeypatch, option, there):
    monkeypatch.setattr(virtual_cli, "boot", lambda *_, **__: contextlib.nullcontext(Board()))
    if there:
        (tmp_path / "out").write_text("old")
    before = content(tmp_path)
    arguments = ["virtual", "run", "x.uf2", "--seconds", "0.1", option, str(tmp_path / "out")]
    with full_disk(64):
        done = CliRunner().invoke(main, arguments)
    assert isinstance(done.exception, SystemExit) and done.exit_code == 1, done.output
    (line,) = done.stderr.splitlines()
    assert line == f"Error: can't write {tmp_path / 'out'}: File too large"
    assert content(tmp_path) == before
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert len(content(tmp_path)["out"]) > 64


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/x/y"),
        OSError("Unable to write (file write failed: No space left on device)"),  # HDF5
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_what_libraries_make_of_a_full_disk_is_one_line_too(error):
    group = LazyGroup("x", table={})

    @click.command()
    def broken():
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("storage failed") from inner

    group.get_command = lambda ctx, name: broken
    done = CliRunner().invoke(group, ["broken"])
    assert done.exit_code == 1 and len(done.output.splitlines()) == 1
    assert done.output.startswith("Error: can't write") and "free some space" in done.output


def test_other_errors_stay_what_they_are():
    assert files.disk_problem(FileNotFoundError(2, "No such file", "x")) is None
    assert files.disk_problem(ValueError("x")) is None


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"old")
    with (
        pytest.raises(UserError, match=r"a\.npz"),
        full_disk(64),
        files.replacing(tmp_path / "a.npz") as temporary,
        temporary.open("wb") as file,
    ):
        np.savez(file, x=np.arange(9999))
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == b"old"
