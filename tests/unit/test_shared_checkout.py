"""A user who can't write to the checkout keeps what is built in a cache of their own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from otolith import paths
from otolith.firmware import build
from support.users import ordinary

PROGRAM = """
import json
from otolith import native, paths
from otolith.native.sources import lib
from otolith.train.examples import CACHE
from otolith.data.synthetic import FOLDER
from otolith.firmware.build import build_folder
s = lib("detect")
ffi, c = native.library("detect", s.files, ["detect.h"], s.include)
made = [str(path) for path in paths.NATIVE.glob("*")]
print(json.dumps([made, [str(f) for f in (CACHE, FOLDER, build_folder())], ffi.sizeof("detect_t")]))
"""


@pytest.fixture
def places():
    """A checkout that can't be written and a home, where other users can reach them."""
    with tempfile.TemporaryDirectory(prefix="otolith-test-") as name:
        top = Path(name)
        top.chmod(0o755)
        checkout, home = top / "checkout", top / "home"
        ignore = shutil.ignore_patterns("__pycache__")
        for part in ("host", "lib"):
            shutil.copytree(paths.ROOT / part, checkout / part, ignore=ignore)
        home.mkdir(mode=0o777)
        home.chmod(0o777)
        (checkout / ".otolith").mkdir()
        for path in (checkout, *checkout.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)
        yield checkout, home
        for path in (checkout, *checkout.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)


def run(checkout: Path, home: Path, *prefix: str):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTOLITH", "PLATFORM"))}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": "", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PYTHONPATH": os.pathsep.join([str(checkout / "host"), *sys.path[1:]])}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=home,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_second_user_gets_a_cache_of_their_own(places):
    checkout, home = places
    made, others, size = run(checkout, home, *ordinary())
    own = home / ".cache" / "otolith"
    assert {Path(path).suffix for path in made} == {".so", ".h"} and size > 0
    assert all(Path(path).is_relative_to(own) for path in (*made, *others))
    assert list((checkout / ".otolith").iterdir()) == []
    assert not (checkout / "build").exists() and not (checkout / ".pio").exists()


def test_what_the_owner_has_built_is_used(places):
    checkout, home = places
    folders = [checkout, checkout / ".otolith"]
    for folder in folders:
        folder.chmod(0o755)
    made, others, _ = run(checkout, home)  # root may write everywhere
    assert all(Path(path).is_relative_to(checkout) for path in (*made, *others))
    for folder in (*folders, checkout / ".otolith" / "native"):
        folder.chmod(0o555)
    assert run(checkout, home, *ordinary())[0] == []
    assert not (home / ".cache").exists()


def test_platformio_gets_a_project_that_can_be_written(tmp_path, monkeypatch):
    core = paths.TOOLS / "pio-core"
    assert build._project() == (paths.ROOT, {})
    monkeypatch.setattr(build, "writable", lambda folder: False)
    monkeypatch.setattr(build, "USER_CACHE", tmp_path)
    for _ in range(2):  # the second finds the links
        project, variables = build._project()
    assert project.is_relative_to(tmp_path)
    for name in ("platformio.ini", "firmware", "platform", "boards", "lib", "models", "host"):
        assert (project / name).samefile(paths.ROOT / name)
    own = Path(variables["PLATFORMIO_CORE_DIR"])
    assert own.is_relative_to(tmp_path)
    for kind in ("packages", "platforms"):
        assert {p.name for p in (own / kind).iterdir()} == {
            p.name for p in (core / kind).iterdir() if p.suffix != ".lock"
        }
