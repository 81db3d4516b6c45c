"""A Dask cluster on this machine: a scheduler and workers, each a process."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import otolith

RUN = "import importlib, sys; importlib.import_module(f'distributed.cli.{sys.argv.pop(1)}').main()"
DASK = [sys.executable, "-c", RUN]


@contextmanager
def cluster(folder: Path, workers: int = 2):
    """Run a cluster within the block.

    Args:
        folder: An empty folder.
        workers: How many workers, with one thread each. None is started again when it ends.

    Yields:
        The scheduler's address, and the workers' processes.
    """
    about = folder / "scheduler.json"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    found = [Path(otolith.__file__).parents[1], Path(__file__).parents[1]]
    before = os.environ.get("PYTHONPATH", "")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, found), before])}
    local = ["--host", "127.0.0.1", "--scheduler-file", str(about), "--no-dashboard"]
    worker = [*DASK, "dask_worker", *local, "--nthreads", "1", "--no-nanny"]
    running = [subprocess.Popen([*DASK, "dask_scheduler", *local, "--port", "0"], env=env, **quiet)]
    try:
        until = time.monotonic() + 120
        while not about.exists():
            assert time.monotonic() < until and running[0].poll() is None
            time.sleep(0.1)
        running += [subprocess.Popen(worker, env=env, **quiet) for _ in range(workers)]
        yield json.loads(about.read_text())["address"], running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()
