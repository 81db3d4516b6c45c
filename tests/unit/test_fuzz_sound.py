"""Damaged sound and label files give data or one-line errors, never a crash, a hang or a flood."""

import json
import os
import subprocess
import sys

import pytest

from otolith import paths
from support.soak import depth

COUNT = depth(150, soak=2000)
SLOWEST_S, MOST_KB = 5.0, 1_000_000


@pytest.mark.deep
@pytest.mark.parametrize("kind", ["sounds", "labels"])
def test_any_file_is_read_or_refused_in_one_line(kind, tmp_path, figure):
    places = [str(paths.ROOT / "tests"), str(paths.ROOT / "host")]
    done = subprocess.run(
        [sys.executable, "-m", "support.fuzz_sound", kind, str(COUNT), "1", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{list(tmp_path.iterdir())}"
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    found = json.loads(done.stdout)
    figure(
        f"{COUNT:,} {kind}: {found['taken']:,} taken, {found['messages']:,} messages; slowest "
        f"{found['slowest']:.2f} s, {found['kilobytes'] / 1000:.0f} MB"
    )
    assert COUNT / 20 < found["taken"] < COUNT  # some of the damaged files are still readable
    assert found["messages"] > 10
    assert found["slowest"] < SLOWEST_S and found["kilobytes"] < MOST_KB
