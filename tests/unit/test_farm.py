"""otolith.farm: the same results in this process, in processes and on a Dask cluster."""

import os
import subprocess
import sys

import fsspec
import numpy as np
import pytest

from otolith import farm, places
from otolith.data.streams import Stream
from otolith.data.synth import write_clips
from otolith.data.windows import Windows
from otolith.errors import UserError
from otolith.evaluate import clips, models, recordings, sounds
from otolith.evaluate.recordings import hear, sources
from otolith.features import extract_files, preset
from otolith.train import mining, transfer
from otolith.train.examples import Maker
from otolith.train.negatives import Negatives
from otolith.train.session import new_session
from otolith.train.weights import Blueprint
from support.chain_model import network
from support.cluster import cluster
from support.dataset_files import noise, read, write
from support.tasks import always_dies, read_at, refuse, square, square_or_die


def test_processes_give_what_one_gives():
    alone = list(farm.map_tasks(square, range(9), workers=1))
    many = list(farm.map_tasks(square, range(9), workers=2))
    assert [r for r, _ in alone] == [r for r, _ in many] == [n * n for n in range(9)]
    assert {pid for _, pid in alone} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in many}


@pytest.mark.slow
def test_a_killed_process_costs_its_item_alone(tmp_path):
    tasks = [(n, str(tmp_path / "died")) for n in range(12)]
    assert list(farm.map_tasks(square_or_die, tasks, workers=2)) == [n * n for n in range(12)]
    assert (tmp_path / "died").exists()


@pytest.mark.slow
def test_an_item_that_kills_every_process_is_named():
    got = []
    with pytest.raises(UserError, match=r"item 3 lost its process 3 times"):
        got.extend(farm.map_tasks(always_dies, range(4), workers=2))


def test_errors_of_the_function_arrive_as_they_are():
    for workers in (1, 2):
        with pytest.raises(UserError, match="1 is wrong: take another"):
            list(farm.map_tasks(refuse, range(4), workers=workers))
    assert list(farm.map_tasks(refuse, [])) == []


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """The address of a scheduler with two workers, and the workers."""
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder, 2) as (address, workers):
        with farm.connected(address) as client:
            client.wait_for_workers(2, timeout=120)
        yield address, workers


@pytest.mark.slow
def test_a_cluster_shares_the_work(two_workers):
    address, workers = two_workers
    results = list(farm.map_tasks(square, range(40), scheduler=address))
    assert [r for r, _ in results] == [n * n for n in range(40)]
    assert {pid for _, pid in results} == {worker.pid for worker in workers}  # no other did any
    with pytest.raises(UserError, match="1 is wrong: take another"):
        list(farm.map_tasks(refuse, range(4), scheduler=address))


def test_a_worker_reads_from_addresses(two_workers, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.wav").write_bytes(b"sound")
    tasks = [(f"file://{tmp_path}/there/a.wav", str(tmp_path / "copies"))] * 2
    assert list(farm.map_tasks(read_at, tasks, scheduler=two_workers[0])) == [b"sound"] * 2
    assert len(list((tmp_path / "copies").rglob("a.wav"))) == 1


@pytest.mark.slow
def test_evaluation_on_a_cluster_gives_the_same(two_workers, tmp_path, monkeypatch):
    (tmp_path / "net.tflite").write_bytes(network(2))
    ear = models.Ear(models.find(tmp_path / "net.tflite"))
    for number in range(40):
        write(tmp_path / "data" / ear.labels[number % 2] / f"{number}.wav", noise(number, 0.3))
    write(tmp_path / "data" / ear.labels[0] / "x.wav", noise(1)).write_bytes(b"no sound")
    found = sounds.of_folder(tmp_path / "data", ear.labels)
    here = clips.judge(ear, found)
    there = clips.judge(ear, found, scheduler=two_workers[0])
    monkeypatch.setattr(clips, "MANY", 10)
    in_processes = clips.judge(ear, found)
    for other in (there, in_processes):
        assert np.array_equal(here.scores, other.scores)
        assert np.array_equal(here.truth, other.truth) and here.names == other.names
        assert here.problems == other.problems and len(here.problems) == 1


@pytest.mark.slow
def test_streams_on_a_cluster_and_at_an_address_give_the_same(two_workers, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "COPIES", tmp_path / "copies")
    monkeypatch.setattr(recordings, "SHORT_S", 1)  # each file is a stream
    model = network(2)
    for number in range(3):
        write(tmp_path / "streams" / f"{number}.wav", noise(number, 4))
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "streams"), "/bucket/streams", recursive=True)
    heard = [
        hear(model, sources([folder]), ["loud"], scheduler)[0]
        for folder, scheduler in (
            (tmp_path / "streams", None),
            (tmp_path / "streams", two_workers[0]),
            (places.local("memory://bucket/streams"), None),
        )
    ]
    assert len(heard[0]) == 3
    for other in heard[1:]:
        for a, b in zip(heard[0], other, strict=True):
            assert a.source.files[0].name == b.source.files[0].name
            assert np.array_equal(a.heard.scores, b.heard.scores)


def test_features_on_a_cluster_are_the_same(two_workers, tmp_path):
    files = [write(tmp_path / f"{number}.wav", noise(number, 0.3)) for number in range(20)]
    settings = preset("keyword")
    done = []
    here = list(extract_files(files, settings))
    there = list(extract_files(files, settings, progress=done.append, scheduler=two_workers[0]))
    assert all(map(np.array_equal, here, there)) and done == list(range(1, 21))


def test_features_for_training_on_a_cluster_are_the_same(two_workers, tmp_path):
    settings = preset("keyword")
    pcm = np.array([noise(n, settings.samples / 16000)[: settings.samples] for n in range(70)])
    windows = Windows(pcm, np.arange(70) % 2, np.arange(70))
    made = []
    for name, scheduler in (("here", None), ("there", two_workers[0])):
        maker = Maker(settings, tmp_path / name, scheduler)
        made.append(maker.make(windows))
        maker.close()
    assert np.array_equal(made[0].values, made[1].values)
    assert np.array_equal(made[0].labels, made[1].labels)


@pytest.mark.slow
def test_mining_on_a_cluster_finds_the_same(two_workers):
    settings = preset("keyword")
    negatives = Negatives.of(settings, [Stream(noise(1, 8), 0, "noise")])
    keras = new_session(1)
    blueprint = Blueprint("separable_cnn", *settings.shape, 2, 0.1)
    model = transfer.build(keras, blueprint)
    here = negatives.scored(lambda v: mining.likeness(model, v, settings, (1,)), 1)
    trained = mining.Trained.of(model, blueprint, None)
    there = mining.scored(negatives, trained, (1,), 1, two_workers[0])
    assert len(here[0]) > 100 and here[0].std() > 0
    assert np.allclose(here[0], there[0], rtol=0, atol=1e-6)
    assert np.array_equal(here[1], there[1])


def test_synthesis_on_a_cluster_gives_the_same(two_workers, tmp_path):
    made = []
    for name, scheduler in (("here", None), ("there", two_workers[0])):
        rows = write_clips("alarm", (), tmp_path / name, 3, 0.5, 1, None, scheduler)
        made.append({row.file: read(tmp_path / name / row.file).tobytes() for row in rows})
    assert made[0] == made[1] and len(made[0]) > 3


def test_a_killed_worker_costs_its_item_alone(two_workers, tmp_path):
    address, workers = two_workers
    tasks = [(n, str(tmp_path / "died")) for n in range(12)]
    results = list(farm.map_tasks(square_or_die, tasks, scheduler=address))
    assert results == [n * n for n in range(12)]
    assert sum(worker.poll() is not None for worker in workers) == 1


def test_nobody_at_the_address_is_one_line(monkeypatch):
    monkeypatch.setattr(farm, "ANSWER_S", 1)
    for address in ("tcp://127.0.0.1:9", "no address", "ftp://x"):
        with pytest.raises(UserError) as caught:
            list(farm.map_tasks(square, range(3), scheduler=address))
        assert "start one with: dask scheduler" in caught.value.message
        assert "\n" not in caught.value.message


def test_dask_stays_out_of_start_up():
    program = "import sys, otolith.cli, otolith.farm; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
