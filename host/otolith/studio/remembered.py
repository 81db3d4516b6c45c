"""Port and token of a server that was killed, so that its pages find the next one.

A file that only this user can read holds them while a server runs. Ctrl-C removes it; whoever opens
Studio then gets a new token.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from otolith.errors import UserError
from otolith.files import make_folder
from otolith.paths import USER_CACHE
from otolith.studio.guard import new_token

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def file_of(home: Path) -> Path:
    """Where port and token of a folder's server are kept."""
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    return USER_CACHE / "studio" / f"{name}.json"


def _read(file: Path) -> tuple[int, str] | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        port, token = int(told["port"]), str(told["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (port, token) if 0 < port < 65536 and _TOKEN.fullmatch(token) else None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(home: Path, port: int) -> tuple[int, str]:
    """Port and token for a server.

    Args:
        home: Its folder of projects.
        port: What the user asked for; 0: any.

    Returns:
        Those of a server of this folder that was killed, if its port is free; else `port` and a
        new token.
    """
    found = _read(file_of(home))
    if found and port in (0, found[0]) and _is_free(found[0]):
        return found
    return port, new_token()


@contextlib.contextmanager
def remember(home: Path, port: int, token: str) -> Iterator[None]:
    """Keep port and token on the disk within the block. Without a disk it goes without."""
    file = file_of(home)
    text = json.dumps({"port": port, "token": token})
    with contextlib.suppress(OSError, UserError):
        make_folder(file.parent)
        file.unlink(missing_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(text)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if _read(file) == (port, token):
                file.unlink()
