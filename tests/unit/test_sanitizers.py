"""Sanitizers on C code that parses untrusted input or reads tables near their ends."""

import re
import subprocess

import pytest

from otolith.native.sources import lib
from otolith.paths import ROOT
from support.soak import depth

HERE = ROOT / "tests" / "support"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", *SANITIZERS]


def run(name, library, folder, *arguments):
    """Build tests/support/<name>.c with `library` and sanitizers, run it, return its output."""
    sources = lib(library)
    include = [f"-I{path}" for path in sources.include]
    files = [str(HERE / f"{name}.c"), *map(str, sources.files)]
    program = str(folder / name)
    done = subprocess.run(
        ["cc", *FLAGS, *include, *files, "-lm", "-o", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.deep
def test_square_roots_stay_in_their_table(tmp_path, figure):
    """Every power of two and its neighbours; in the soak run, every value up to 2^30."""
    checked = int(run("root_every", "features", tmp_path, depth(4999, soak=1)))
    assert checked > depth(200_000, soak=2**30 - 2)
    figure(f"{checked:,} square roots")


@pytest.mark.deep
def test_the_wire_takes_anything(tmp_path, figure):
    inputs = depth(10_000, soak=200_000)
    said = run("wire_fuzz", "wire", tmp_path, inputs, 1)
    counts = [int(number) for number in re.findall(r"\d+", said)]
    assert len(counts) == 6 and min(counts) > inputs // 200, said
    figure(f"{inputs:,} inputs: {said.strip()}")
