"""Functions that tests run in other processes. This module is quick to import."""

import os
import signal
import time
from pathlib import Path

from otolith import places
from otolith.errors import UserError


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


def read_at(task: tuple[str, str]) -> bytes:
    """Read a file at an address. Copies go to the second path."""
    places.COPIES = Path(task[1])
    return places.local(task[0]).read_bytes()
