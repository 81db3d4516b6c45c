"""One training of a model at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from otolith.errors import UserError, shown

NAME = ".training.lock"


@contextmanager
def training(out: Path) -> Iterator[None]:
    """Hold the folder of a model while it trains.

    The operating system frees the lock with its process, however that ends.

    Args:
        out: Folder of the results; made if it is not there.

    Raises:
        UserError: Another training uses the folder, or it can't be written.
    """
    lock = FileLock(out / NAME)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{shown(out)}: another training of this model is running: wait for its end, or train "
            "a copy of the folder"
        ) from None
    except OSError as error:
        raise UserError(f"can't write {shown(out)}: {error.strerror}") from error
    try:
        yield
    finally:
        # While it is held: filelock does not take a lock whose file is gone.
        with suppress(OSError):  # Windows refuses, and filelock removes it there
            (out / NAME).unlink()
        lock.release()
