"""Peak memory of this process."""

from pathlib import Path


def peak_bytes() -> int:
    """The most memory that this program has held since it started, in bytes (Linux).

    getrusage's ru_maxrss outlives exec: a small child of a large test run would report the run's
    own peak. VmHWM belongs to the program that runs now.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("/proc/self/status has no VmHWM line")
