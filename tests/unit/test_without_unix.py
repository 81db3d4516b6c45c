"""The package can be imported where Python lacks the modules that only Unix has, as on Windows."""

import subprocess
import sys

import pytest

from otolith import locks
from otolith.growing import Growing

UNIX = ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
PROGRAM = f"""
import builtins, importlib, pkgutil, signal, os, sys
real = builtins.__import__
def without(name, globals=None, *rest, **named):
    # of the libraries, pyserial imports what its system has
    if name in {UNIX} and (globals or {{}}).get("__name__", "").startswith("otolith"):
        raise ImportError(name)
    return real(name, globals, *rest, **named)
builtins.__import__ = without
del signal.pthread_sigmask, os.fchmod, os.pwrite, os.pread
import otolith
# these start when they are imported
skipped = ("otolith.__main__", "otolith.train", "otolith.voices", "otolith.bench", "otolith.api")
names = [m.name for m in pkgutil.walk_packages(otolith.__path__, "otolith.",
         onerror=lambda name: sys.exit(name)) if not m.name.startswith(skipped)]
for name in names:
    importlib.import_module(name)
print(len(names))
from otolith.growing import Growing
from pathlib import Path
grown = Growing(Path(sys.argv[1]))
grown.append(b"abc")
print(grown.read(1, 3).decode())
from otolith.virtual.terminal import Terminal
try:
    Terminal()
except otolith.errors.UserError as error:
    print(error.message)
"""


def test_every_module_imports_without_unix_modules(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "grown")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    count, grown, pty = done.stdout.splitlines()
    assert int(count) > 200 and grown == "bc"
    assert pty.startswith("this system has no pseudo-terminals") and "\n" not in pty


def test_a_lock_excludes_other_descriptors_until_the_file_is_closed(tmp_path):
    grown = Growing(tmp_path / "x")
    with (tmp_path / "x").open("rb") as other:
        with pytest.raises(BlockingIOError):
            locks.hold(other.fileno(), wait=False)
        grown.close()
        locks.hold(other.fileno(), wait=False)
