"""firmware/<app>/app.json: what the build knows about an app."""

import json
import re
import shutil
import sys

import pytest

from otolith import paths

sys.path.insert(0, str(paths.ROOT / "platform" / "builder"))
import app_json

APPS = sorted(file.parent.name for file in (paths.ROOT / "firmware").glob("*/main.c"))
GOOD = {
    "description": "d",
    "libraries": ["app"],
    "console": "board",
    "microphone": "board",
    "model": "none",
}


@pytest.mark.parametrize("name", APPS)
def test_every_app_declares_what_it_includes(name):
    app = app_json.load(paths.ROOT, name)
    needed = app_json.dependencies(paths.ROOT, ("board", *app.libraries))
    folder = paths.ROOT / "firmware" / name
    headers = {file.name for file in folder.glob("*.h")}
    for library in needed:
        headers |= {file.name for file in (paths.LIB / library / "src").glob("*.h")}
    for file in folder.glob("*.[ch]"):
        missing = set(re.findall(r'#include "(.+)"', file.read_text())) - headers
        assert not missing, f"{file}: {missing}"


def test_main_connects_and_is_short():
    for name in APPS:
        lines = (paths.ROOT / "firmware" / name / "main.c").read_text().splitlines()
        assert len(lines) < (200 if name != "bench" else 220), name


@pytest.mark.parametrize("name", ["usb_mic", "serial_mic"])
def test_microphone_apps_need_no_network(name):
    app = app_json.load(paths.ROOT, name)
    needed = app_json.dependencies(paths.ROOT, ("board", *app.libraries))
    assert app.model == "none"
    assert not {"nn", "nn_tflm", "features", "detect", "listen", "app_model"} & set(needed)


@pytest.fixture
def root(tmp_path):
    """A project with lib/'s manifests and one app."""
    for file in paths.LIB.glob("*/library.json"):
        (tmp_path / "lib" / file.parent.name).mkdir(parents=True)
        shutil.copy(file, tmp_path / "lib" / file.parent.name)
    (tmp_path / "firmware" / "new").mkdir(parents=True)
    (tmp_path / "firmware" / "new" / "main.c").write_text("")
    return tmp_path


def write(root, about):
    text = about if isinstance(about, str) else json.dumps(about)
    (root / "firmware" / "new" / "app.json").write_text(text)


def test_a_new_app_is_a_folder(root):
    write(root, GOOD)
    app = app_json.load(root, "new")
    assert (app.name, app.libraries, app.profile) == ("new", ("app",), False)
    assert set(app_json.dependencies(root, app.libraries)) == {"app", "board", "wire", "pdm"}


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (None, "No such file"),
        ("{", r"app\.json:1: "),
        ("[]", "no JSON object"),
        ("[" * 100_000, "no JSON text"),
        ({**GOOD, "libary": []}, 'unknown key "libary": did you mean libraries'),
        ({k: v for k, v in GOOD.items() if k != "model"}, "model is missing"),
        ({**GOOD, "libraries": ["lisen"]}, "no lib/lisen: did you mean listen"),
        ({**GOOD, "libraries": "app"}, "no list of names"),
        ({**GOOD, "libraries": [1]}, "no list of names"),
        ({**GOOD, "console": "screen"}, 'console is "screen": it can be board, usb'),
        ({**GOOD, "console": ["usb"]}, "it can be board, usb"),
        ({**GOOD, "microphone": None}, "microphone is null"),
        ({**GOOD, "profile": 1}, "write true or false"),
        ({**GOOD, "description": 1}, "write a text"),
        ({**GOOD, "microphone": "usb"}, "console must be"),
        ({**GOOD, "libraries": ["listen"]}, "its libraries need lib/nn"),
        ({**GOOD, "model": "any"}, "none of its libraries needs lib/nn"),
    ],
)
def test_a_broken_app_json_is_one_line(root, about, said):
    if about is not None:
        write(root, about)
    with pytest.raises(app_json.AppError, match=said) as error:
        app_json.load(root, "new")
    message = str(error.value)
    assert "\n" not in message and message.startswith("firmware/new/app.json")


def test_an_app_that_is_not_there_is_one_line(root):
    with pytest.raises(app_json.AppError, match=r"no firmware/nwe/main\.c: did you mean new"):
        app_json.load(root, "nwe")
