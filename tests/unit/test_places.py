"""Datasets and recordings at addresses of fsspec. memory:// stands for all of them."""

import json
from dataclasses import replace

import fsspec
import numpy as np
import pytest

from otolith import places
from otolith.data import metadata
from otolith.data.metadata import Row
from otolith.data.synthetic import folder_of, origin
from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings.spec import load
from support.dataset_files import dataset, host, noise, write


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """The file system memory://, empty, and copies in a folder of the test."""
    monkeypatch.setattr(places, "COPIES", tmp_path / "copies")
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    yield fs
    fs.store.clear()


def upload(fs, folder, to):
    for path in folder.rglob("*"):
        if path.is_file():
            fs.pipe_file(f"{to}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def small_dataset(folder):
    rows = [
        Row(f"{label}/{n}.wav", label, chosen, speaker=f"{chosen}{n}")
        for label in ("yes", "no")
        for n, chosen in enumerate(("train", "validate", "test"))
    ]
    return dataset(folder, rows)


def test_a_copy_is_the_folder(memory, tmp_path):
    upload(memory, small_dataset(tmp_path / "here"), "/bucket/set")
    copy = places.local("memory://bucket/set")
    for path in (tmp_path / "here").rglob("*.*"):
        assert (copy / path.relative_to(tmp_path / "here")).read_bytes() == path.read_bytes()
    assert metadata.load(copy).rows == metadata.load(tmp_path / "here").rows


def test_only_what_changed_is_copied_again(memory, tmp_path, monkeypatch):
    upload(memory, small_dataset(tmp_path / "here"), "/bucket/set")
    copy = places.local("memory://bucket/set")
    copied = []
    get = type(memory).get_file
    monkeypatch.setattr(
        type(memory), "get_file", lambda fs, a, b: (copied.append(a), get(fs, a, b))
    )
    assert places.local("memory://bucket/set/") == copy and copied == []
    memory.pipe_file("/bucket/set/yes/0.wav", b"other")
    memory.rm_file("/bucket/set/no/1.wav")
    places.local("memory://bucket/set")
    assert copied == ["/bucket/set/yes/0.wav"]
    assert (copy / "yes/0.wav").read_bytes() == b"other" and not (copy / "no/1.wav").exists()
    (copy / "yes/1.wav").unlink()  # someone tidied up
    places.local("memory://bucket/set")
    assert (copy / "yes/1.wav").exists()


def test_a_recording_comes_with_its_label_track(memory, tmp_path):
    memory.pipe_file("/bucket/night.wav", b"sound")
    memory.pipe_file("/bucket/night.txt", b"0\t1\tknock\n")
    memory.pipe_file("/bucket/day.wav", b"sound")
    copy = places.local("memory://bucket/night.wav")
    assert copy.read_bytes() == b"sound"
    assert copy.with_suffix(".txt").read_text() == "0\t1\tknock\n"
    assert not copy.with_name("day.wav").exists()


def test_a_copy_says_where_it_is_from(memory, tmp_path):
    memory.pipe_file("/bucket/streams/a/night.wav", b"sound")
    copy = places.local("memory://bucket/streams")
    address = places.portable(copy / "a" / "night.wav")
    assert address == "memory://bucket/streams/a/night.wav"
    assert places.local(address).read_bytes() == b"sound"
    assert places.portable(tmp_path / "x.wav") == str(tmp_path / "x.wav")
    assert places.portable(address) == address
    assert places.local(tmp_path / "x.wav") == tmp_path / "x.wav"


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("memory://nowhere/x", "memory://nowhere/x: no such file or folder"),
        ("nosuch://bucket/x", "nosuch://bucket/x: no kind of address that fsspec knows"),
        ("file:///no/such/file", "file:///no/such/file: no such file or folder"),
    ],
)
def test_an_address_that_can_not_be_read_is_one_line(memory, address, text):
    with pytest.raises(UserError) as caught:
        places.local(address)
    assert caught.value.message == text


def test_a_missing_package_is_named(memory, monkeypatch):
    def missing(address):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "url_to_fs", missing)
    with pytest.raises(UserError, match=r"s3:// needs another package: Install s3fs"):
        places.local("s3://bucket/x")


def test_an_address_that_breaks_off_leaves_nothing(memory, monkeypatch):
    memory.pipe_file("/bucket/a.wav", b"sound")

    def broken(fs, source, to):
        with open(to, "wb") as file:
            file.write(b"so")
        raise ConnectionError("reset\nby peer")

    monkeypatch.setattr(type(memory), "get_file", broken)
    with pytest.raises(UserError, match=r"can't read memory://bucket/a.wav: reset by peer"):
        places.local("memory://bucket/a.wav")
    assert not [path for path in places.COPIES.rglob("*") if "a.wav" in path.name]


def test_hostile_names_stay_in_the_copy(memory, tmp_path):
    for name in ("/bucket/x/../../evil.wav", "/bucket/x/.address"):
        memory.store.clear()
        memory.pipe_file("/bucket/x/good.wav", b"x")
        memory.store[name] = memory.store["/bucket/x/good.wav"]
        with pytest.raises(UserError, match="a file in it is called"):
            places.local("memory://bucket/x")
    assert not list(tmp_path.rglob("evil.wav"))


def test_commands_read_datasets_at_addresses(memory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    upload(memory, small_dataset(tmp_path / "here"), "/bucket/set")
    here, there = (
        host("check", "--dataset", place, "--json", "--least", 0)
        for place in (tmp_path / "here", "memory://bucket/set")
    )
    assert (here.exit_code, json.loads(here.stdout)) == (there.exit_code, json.loads(there.stdout))
    write(tmp_path / "knock" / "a.wav", noise(7))
    upload(memory, tmp_path / "knock", "/bucket/sounds/knock")
    assert host("import", "memory://bucket/sounds", "--yes").exit_code == 0
    (row,) = metadata.load(tmp_path / "dataset").rows
    assert row.label == "knock"
    for command in ("split", "relabel a b", "remove a"):
        done = host(*command.split(), "--dataset", "memory://bucket/set")
        assert done.exit_code == 1 and "must be on this computer" in done.output
    assert not list(tmp_path.glob("memory:*"))


def test_features_of_sounds_at_an_address(memory, tmp_path):
    from click.testing import CliRunner

    from otolith.cli import main

    write(tmp_path / "here" / "a.wav", noise(7))
    upload(memory, tmp_path / "here", "/bucket/sounds")
    made = []
    for place in (tmp_path / "here", "memory://bucket/sounds"):
        done = CliRunner().invoke(main, ["features", str(place), "-o", str(tmp_path / "f.npz")])
        assert done.exit_code == 0, done.output
        made.append(np.load(tmp_path / "f.npz")["a.wav"])
    assert np.array_equal(*made)


def test_a_spec_reads_a_dataset_at_an_address(memory, tmp_path):
    upload(memory, small_dataset(tmp_path / "here"), "/bucket/set")
    spec = load(MODELS / "micro_speech")
    spec = replace(spec, data=replace(spec.data, path="memory://bucket/set"))
    assert metadata.load(folder_of(spec)).rows == metadata.load(tmp_path / "here").rows
    assert origin(spec) == "dataset set"
