"""Running a program as another user."""

import os
import shutil

NOBODY = 65534
# Reads everything, because this Python may be installed in root's home, but writes like a stranger.
READS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
SETPRIV = shutil.which("setpriv") or "setpriv"  # by its path: a test may run it with another PATH
STRANGER = (SETPRIV, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *READS)


def ordinary() -> tuple[str, ...]:
    """What stands before a command, so that an ordinary user runs it. Nothing, if we are one."""
    return STRANGER if os.getuid() == 0 else ()
