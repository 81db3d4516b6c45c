"""Runs a function on many items: in processes of this computer, or on a Dask cluster.

The results and their order do not depend on where the function ran. A worker that is killed costs
only the item it was working on, which then runs again elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

import click

from otolith.errors import UserError, shown
from otolith.progress import bar
from otolith.version import VERSION

if TYPE_CHECKING:
    import distributed

T = TypeVar("T")
R = TypeVar("R")

scheduler_option = click.option(
    "--scheduler", metavar="ADDRESS", help="Dask scheduler to run on.  [this computer]"
)
AHEAD = 4  # items queued for each worker
TRIES = 3  # times an item may lose its worker before it counts as the cause
ANSWER_S = 10  # for a scheduler to answer
WORKERS_S = 30  # for a worker to appear
_POLL_S = 5


def processors() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def no_interrupts() -> Iterator[None]:
    """Make processes started within the block ignore Ctrl-C. The parent handles it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def map_tasks(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: str | None = None,
) -> Iterator[R]:
    """Call a function with each item, on many processors or computers.

    With one worker or at most one item, and without a scheduler, the function runs in this process.
    Processes are spawned, so a script that calls this must do so below `if __name__ == "__main__"`.

    Args:
        function: A top-level function of a module, so that workers can import it. Whatever takes
            long to load, such as a network, it should load once in a worker (functools.cache).
        items: Its argument for each call. Items and results must pickle.
        scheduler: Address of a Dask scheduler, such as tcp://host:8786. Its workers need this
            version of Otolith, and must reach the files that the items name. None: this computer.
        workers: Number of processes on this computer. None: one for each processor.
        progress: Text of a progress bar. None: no bar.

    Yields:
        The results in the order of the items.

    Raises:
        UserError: The scheduler can't be used, or an item lost its worker TRIES times.
        Exception: Whatever the function raises. Items that have not begun are cancelled.
    """
    count = min(len(items), workers or processors())
    results: Generator[R, None, None]
    if scheduler is not None:
        results = _on_cluster(function, items, scheduler)
    elif count <= 1:
        results = (function(item) for item in items)
    else:
        results = _in_processes(function, items, count)
    told = bar(progress, len(items)) if progress else contextlib.nullcontext(_no_step)
    with told as step, contextlib.closing(results):
        for result in results:
            step()
            yield result


def _no_step() -> None:
    """The step of no progress bar."""


def _lost(number: int) -> UserError:
    return UserError(
        f"item {number + 1} lost its process {TRIES} times: no memory left, or what it reads is "
        "damaged"
    )


class _Pool:
    """A process pool that can be replaced when one of its processes was killed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        # Spawn, because forking a process in which TensorFlow's threads run may hang.
        return ProcessPoolExecutor(self._workers, get_context("spawn"))

    def submit(self, function: Callable[[T], R], item: T) -> Future[R] | None:
        """Start a task. None if the pool is broken."""
        try:
            with no_interrupts():  # submit() starts processes
                return self._pool.submit(function, item)
        except BrokenProcessPool:
            return None

    def renew(self) -> None:
        """Replace a broken pool.

        A process that was being started while another one died is missed by the executor, which
        then waits for it without end. Python 3.11 has no public way to kill the workers.
        """
        for process in list((getattr(self._pool, "_processes", None) or {}).values()):
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._new()

    def close(self) -> None:
        """End all processes. Tasks that run are finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _in_processes(
    function: Callable[[T], R], items: Sequence[T], workers: int
) -> Generator[R, None, None]:
    """map_tasks() in processes of this computer."""
    pool = _Pool(workers)
    running: deque[tuple[int, Future[R] | None]] = deque()
    left = iter(range(len(items)))
    try:
        while True:
            while len(running) < AHEAD * workers and (number := next(left, None)) is not None:
                running.append((number, pool.submit(function, items[number])))
            if not running:
                return
            number, future = running.popleft()
            try:
                if future is None:
                    raise BrokenProcessPool
                yield future.result()
            except BrokenProcessPool:
                # A killed process takes the whole pool with it, and nothing says which item it had.
                # The oldest runs alone, so that only the item to blame can fail again and again.
                pool.renew()
                yield _alone(pool, function, items, number)
                again = [n for n, f in running if f is None or _is_lost(f)]
                running = deque(
                    (n, pool.submit(function, items[n]) if n in again else f) for n, f in running
                )
    finally:
        pool.close()


def _is_lost(future: Future[R]) -> bool:
    """Whether a task has no result because its pool broke or was replaced."""
    if future.cancelled() or not future.done():
        return True
    return isinstance(future.exception(), BrokenProcessPool)


def _alone(pool: _Pool, function: Callable[[T], R], items: Sequence[T], number: int) -> R:
    """Run one item while no other runs, so that it is to blame if its process is killed."""
    for _ in range(TRIES - 1):
        future = pool.submit(function, items[number])
        try:
            if future is not None:
                return future.result()
        except BrokenProcessPool:
            pass
        pool.renew()
    raise _lost(number)


def _on_cluster(
    function: Callable[[T], R], items: Sequence[T], scheduler: str
) -> Generator[R, None, None]:
    """map_tasks() on a Dask cluster."""
    from distributed import KilledWorker

    with connected(scheduler) as client:
        ahead = AHEAD * max(1, sum(client.nthreads().values()))
        running: deque[tuple[int, distributed.Future[R]]] = deque()
        left = iter(range(len(items)))
        try:
            while True:
                while len(running) < ahead and (number := next(left, None)) is not None:
                    task = client.submit(function, items[number], pure=False)
                    running.append((number, task))
                if not running:
                    return
                number, future = running.popleft()
                try:
                    result = _result(future, client, scheduler)
                except KilledWorker as error:
                    raise _lost(number) from error
                yield result
        finally:
            client.cancel([future for _, future in running])


def _result(future: distributed.Future[R], client: distributed.Client, scheduler: str) -> R:
    """The result of a task. UserError if the scheduler or all workers go away meanwhile."""
    alone = 0  # s without any worker
    while not future.done():
        with contextlib.suppress(TimeoutError):
            future.exception(timeout=_POLL_S)  # only waits
        if future.done():
            break
        alone = 0 if client.nthreads() else alone + _POLL_S
        if alone >= WORKERS_S:
            raise UserError(
                f"the scheduler at {shown(scheduler)} has lost all its workers: start new ones"
            )
    if future.cancelled():
        raise UserError(f"the scheduler at {shown(scheduler)} went away: start it again")
    return future.result()


@contextlib.contextmanager
def connected(scheduler: str) -> Iterator[distributed.Client]:
    """Connect to a Dask scheduler that has at least one worker with this version of Otolith.

    Args:
        scheduler: Its address, such as tcp://host:8786.

    Raises:
        UserError: It does not answer, has no workers, or a worker has another version.
    """
    try:
        import distributed
    except ImportError as error:
        raise UserError("--scheduler needs Dask: pip install -e '.[cluster]'") from error
    name = shown(scheduler)
    try:
        client = distributed.Client(scheduler, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(
            f"no Dask scheduler answers at {name}: start one with: dask scheduler"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS_S)
        except TimeoutError as error:
            raise UserError(
                f"the scheduler at {name} has no workers: start some with: "
                f"dask worker {name} --nthreads 1"
            ) from error
        for worker, version in client.run(version_here, on_error="return").items():
            if version != VERSION:
                has = version if isinstance(version, str) else "no Otolith"
                raise UserError(
                    f"Dask worker {shown(worker)} has {has}, this is {VERSION}: install the same"
                )
        yield client


def version_here() -> str:
    """The version of Otolith that a worker runs."""
    return VERSION
