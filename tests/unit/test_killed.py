"""The next command cleans up after one that was killed."""

import os
import subprocess
import sys
import time

import pytest

from otolith import files
from otolith.data.metadata import Row, load
from support.dataset_files import dataset, host, noise, write

# Runs `host data ...` and kills itself during the call that {where} names.
KILLED = """
import os, signal, sys
from otolith.data import metadata, adding, importing
from otolith.cli import main
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
{where}
main(sys.argv[1:])
"""
BEFORE_ROWS = "metadata.Metadata.save = die"
AFTER_ROWS = """
save = metadata.Metadata.save
def saved(*a):
    save(*a)
    die()
metadata.Metadata.save = saved
"""


def kill(where, *arguments):
    code = KILLED.format(where=where)
    command = [sys.executable, "-c", code, "data", *map(str, arguments)]
    assert subprocess.run(command, capture_output=True).returncode == -9


def content(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def folder(tmp_path):
    dataset(tmp_path / "ds", [Row(f"dog/{n}.wav", "dog") for n in range(3)])
    write(tmp_path / "in" / "cat" / "a.wav", noise(9))
    write(tmp_path / "in" / "bird" / "b.wav", noise(8))
    return tmp_path


def check_whole(folder):
    """Check that files and rows match and no hidden file is left."""
    found = [name for name in content(folder / "ds") if name != "metadata.csv"]
    assert found == sorted(row.file for row in load(folder / "ds").rows)


def the_next_command(folder):
    assert host("split", "--dataset", folder / "ds").exit_code == 0
    check_whole(folder)


@pytest.mark.parametrize("where", [BEFORE_ROWS, AFTER_ROWS])
@pytest.mark.parametrize(
    "command",
    [
        ("import", "{}/in", "--dataset", "{}/ds"),
        ("relabel", "dog", "wolf", "--dataset", "{}/ds"),
        ("remove", "dog/1.wav", "--yes", "--dataset", "{}/ds"),
        ("synth", "impact", "knocking", "--count", "2", "-o", "{}/ds"),
    ],
)
def test_kill_minus_nine(folder, command, where):
    before = len(load(folder / "ds").rows)
    kill(where, *(part.replace("{}", str(folder)) for part in command))
    assert any("/." in f"/{name}" for name in content(folder / "ds"))
    the_next_command(folder)
    if where == BEFORE_ROWS:
        assert len(load(folder / "ds").rows) == before
        assert content(folder / "ds")[:3] == ["dog/0.wav", "dog/1.wav", "dog/2.wav"]


def test_temporary_folders_of_running_commands_stay(folder):
    tag = files.owner_tag()
    mine = folder / "ds" / f".importing{tag}x"
    foreign = folder / "ds" / ".importing-ffffff-1-x"
    dead = folder / "ds" / f".importing{tag.rsplit('-', 2)[0]}-999999999-x"
    for path in (mine, foreign, dead):
        path.mkdir()
        (path / "000000.wav").write_bytes(b"x")
    assert host("split", "--dataset", folder / "ds").exit_code == 0
    assert mine.exists() and foreign.exists() and not dead.exists()


def test_a_list_of_a_stranger_removes_nothing_outside(folder):
    tag = files.owner_tag().rsplit("-", 2)[0]
    (folder / "x.wav").write_bytes(b"x")
    (folder / "ds" / "out").symlink_to(folder)
    (folder / "ds" / f".pending{tag}-999999999-x").write_text(
        f"../x.wav\n{folder}/x.wav\nout/x.wav\ndog/0.wav\n"
    )
    assert host("split", "--dataset", folder / "ds").exit_code == 0
    assert (folder / "x.wav").exists() and (folder / "ds" / "dog" / "0.wav").exists()


def test_a_reused_process_number_is_no_owner(tmp_path):
    path = tmp_path / f".x{files.owner_tag()}y"
    path.write_bytes(b"x")
    assert not files.is_orphan(path)
    assert files._began(os.getpid()) <= time.time() + 1
    os.utime(path, (time.time() - 9e8, time.time() - 9e8))
    assert files.is_orphan(path) is os.path.exists("/proc/self/stat")


def test_replacing_removes_what_a_killed_writer_left(tmp_path):
    code = (
        "import os, signal\nfrom otolith.files import replacing\n"
        f"with replacing({str(tmp_path / 'a.json')!r}) as t:\n"
        "    t.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code])
    assert len(content(tmp_path)) == 1
    files.write_text(tmp_path / "b.json", "whole")
    assert content(tmp_path) == ["b.json"]


@pytest.mark.parametrize("when", [0, -1e9, 1e14])
def test_recordings_dated_by_a_wrong_clock(tmp_path, when):
    write(tmp_path / "a.wav", noise(1, 2))
    os.utime(tmp_path / "a.wav", (when, when))
    (tmp_path / "a.txt").write_text("0\t1\tdog\n")
    for arguments in (("cut", tmp_path / "a.wav"), ("import", tmp_path / "a.wav", "--label", "x")):
        done = host(*arguments, "--dataset", tmp_path / "ds")
        assert done.exit_code == 0, done.output


def test_caches_can_be_read_by_other_users(tmp_path):
    files.write_text(tmp_path / "x.c", "x")
    files.write_bytes(tmp_path / "x.npz", b"x")
    assert all(p.stat().st_mode & 0o777 == 0o644 for p in tmp_path.iterdir())
