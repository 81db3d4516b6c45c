"""otolith.farm: the same results in this process, in processes and on a Dask cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from otolith import farm
from otolith.errors import UserError

RUN = "import importlib, sys; importlib.import_module(f'distributed.cli.{sys.argv.pop(1)}').main()"
DASK = [sys.executable, "-c", RUN]


def square(number: int) -> tuple[int, int]:
    time.sleep(0.01)
    return number * number, os.getpid()


def square_or_die(task: tuple[int, str]) -> int:
    """Kill this process the first time that number 3 comes."""
    number, mark = task
    if number == 3:
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def always_dies(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number: int) -> int:
    if number == 1:
        raise UserError(f"{number} is wrong: take another")
    return number


def test_processes_give_what_one_gives():
    alone = list(farm.map_tasks(square, range(9), workers=1))
    many = list(farm.map_tasks(square, range(9), workers=2))
    assert [r for r, _ in alone] == [r for r, _ in many] == [n * n for n in range(9)]
    assert {pid for _, pid in alone} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in many}


def test_a_killed_process_costs_its_item_alone(tmp_path):
    tasks = [(n, str(tmp_path / "died")) for n in range(12)]
    assert list(farm.map_tasks(square_or_die, tasks, workers=2)) == [n * n for n in range(12)]
    assert (tmp_path / "died").exists()


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
def cluster(tmp_path_factory):
    """The address of a scheduler with two workers, and the workers."""
    folder = tmp_path_factory.mktemp("cluster")
    about = folder / "scheduler.json"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    here = str(Path(__file__).parent)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    local = ["--host", "127.0.0.1", "--scheduler-file", str(about), "--no-dashboard"]
    worker = [*DASK, "dask_worker", *local, "--nthreads", "1", "--no-nanny"]
    running = [subprocess.Popen([*DASK, "dask_scheduler", *local, "--port", "0"], env=env, **quiet)]
    try:
        until = time.monotonic() + 60
        while not about.exists():
            assert time.monotonic() < until and running[0].poll() is None
            time.sleep(0.1)
        running += [subprocess.Popen(worker, env=env, **quiet) for _ in range(2)]
        yield json.loads(about.read_text())["address"], running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_a_cluster_gives_the_same_although_a_worker_is_killed(cluster, tmp_path):
    address, workers = cluster
    with farm.connected(address) as client:
        client.wait_for_workers(2, timeout=60)
    results = list(farm.map_tasks(square, range(40), scheduler=address))
    assert [r for r, _ in results] == [n * n for n in range(40)]
    assert {pid for _, pid in results} == {worker.pid for worker in workers}  # no other did any
    tasks = [(n, str(tmp_path / "died")) for n in range(12)]
    assert list(farm.map_tasks(square_or_die, tasks, scheduler=address)) == [
        n * n for n in range(12)
    ]
    assert sum(worker.poll() is not None for worker in workers) == 1
    with pytest.raises(UserError, match="1 is wrong"):
        list(farm.map_tasks(refuse, range(4), scheduler=address))


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
