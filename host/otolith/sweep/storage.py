"""Opens the database or journal file through which workers share the trials of a sweep."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from otolith.errors import UserError

_DRIVERS = {  # missing module -> package to install
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}
_ATTEMPTS = 10  # to open it while another worker creates the tables


def shown(url: str) -> str:
    """The URL of a storage without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def open_storage(url: str) -> Any:
    """Opens an Optuna storage.

    Args:
        url: sqlite:///FILE, journal:///FILE or another SQLAlchemy URL, such as
            postgresql://USER:PASSWORD@MACHINE/NAME. A journal must be in a folder that all machines
            can access. An absolute path has four slashes.

    Raises:
        UserError: The URL is invalid, or the storage can't be opened.
    """
    import optuna

    from otolith.sweep.journal import Journal

    scheme, _, rest = url.partition("://")
    if not rest:
        raise UserError(
            f"--storage {shown(url)}: sqlite:///FILE, journal:///FILE or postgresql://USER@MACHINE/NAME"
        )
    try:
        if scheme in ("sqlite", "journal"):
            path = Path(rest.removeprefix("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
        if scheme == "journal":
            return optuna.storages.JournalStorage(Journal(path))
        wait = {"connect_args": {"timeout": 60}} if scheme == "sqlite" else {}
        for attempt in range(_ATTEMPTS):
            try:
                return optuna.storages.RDBStorage(url, engine_kwargs=wait)
            except Exception as error:
                if "already exists" not in str(error) or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.2)
    except ImportError as error:
        cause = error.__cause__ or error.__context__  # Optuna's own error does not name the module
        missing = error.name or getattr(cause, "name", None) or "its driver"
        driver = _DRIVERS.get(missing, missing)
        raise UserError(f"--storage {shown(url)}: needs a driver: pip install {driver}") from error
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"--storage {shown(url)}: {line}") from error
    raise AssertionError
