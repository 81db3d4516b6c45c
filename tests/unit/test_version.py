"""The version is defined only in otolith.version."""

import json
import re

import otolith
from otolith import native, paths
from otolith.native.sources import lib
from otolith.version import PROTOCOL, VERSION

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib


def test_package_and_platform_have_it():
    assert otolith.__version__ == VERSION and re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    about = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())
    assert "version" not in about["project"] and about["project"]["dynamic"] == ["version"]
    assert about["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "otolith.version.VERSION"}
    platform = json.loads((paths.ROOT / "platform" / "platform.json").read_text())
    assert platform["version"] == VERSION


def test_libraries_have_none_of_their_own():
    manifests = list(paths.LIB.glob("*/library.json"))
    assert len(manifests) > 8
    for file in manifests:
        assert "version" not in json.loads(file.read_text()), file


def test_the_boards_speak_the_hosts_protocol():
    s = lib("wire")
    _, wire = native.library("wire", s.files, ["wire.h"], s.include)
    assert wire.WIRE_PROTOCOL == PROTOCOL
