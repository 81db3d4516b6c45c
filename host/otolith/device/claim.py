"""Claims: a board belongs to one run at a time, by a lock file named after its serial number."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from otolith import locks
from otolith.errors import UserError, shown

_POLL_S = 0.1


def lock_folder() -> Path:
    """The folder of the lock files, one for all users of this computer."""
    folder = Path(os.environ.get("OTOLITH_LOCKS", Path(tempfile.gettempdir()) / "otolith-boards"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # another user made it
            folder.chmod(0o1777)
    except OSError as error:
        raise UserError(f"can't keep lock files in {folder}: {error.strerror}") from error
    return folder


def _holder(text: str) -> str:
    try:
        who = json.loads(text)
        return shown(f"process {who['pid']} since {who['since']} ({who['what']})")
    except (ValueError, TypeError, KeyError, RecursionError):
        return "another process"


def _open(path: Path) -> int:
    # In a folder like this, Linux refuses O_CREAT for another user's file even if it is writable
    # (fs.protected_regular).
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        return os.open(path, flags | os.O_CREAT, 0o666)


@contextlib.contextmanager
def claim(serial: str, what: str = "", timeout_s: float = 0.0) -> Iterator[Path]:
    """Hold a board while the block runs. The lock ends with its process, however that ends.

    Args:
        serial: the board's serial number, or its port.
        what: what it is used for, for those who wait.
        timeout_s: how long to wait for another holder.

    Yields:
        The lock file's path.

    Raises:
        UserError: another process still holds the board; the message names it.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "_", serial)
    path = lock_folder() / f"{name or 'unnamed'}.lock"
    try:
        descriptor = _open(path)
    except OSError as error:
        raise UserError(f"can't claim board {serial}: {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        with contextlib.suppress(PermissionError):
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o666)
        end = time.monotonic() + timeout_s
        while True:
            try:
                locks.hold(descriptor, wait=False)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    file.seek(0)
                    raise UserError(
                        f"board {serial} is in use by {_holder(file.read())}: wait for it, or "
                        "choose another board"
                    ) from None
            time.sleep(_POLL_S)
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": since, "what": what}))
        file.flush()
        try:
            yield path
        finally:
            file.seek(0)
            file.truncate(0)
