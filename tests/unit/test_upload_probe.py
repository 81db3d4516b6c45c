"""Uploading through a debug probe: what each program is told, and one line where it can't be."""

import json

import pytest

from host import paths
from host.deploy import probe
from host.errors import UserError

KIT = json.loads((paths.ROOT / "boards" / "xg24_dev_kit.json").read_text())
BOARD = probe.Board(
    KIT["name"], KIT["build"]["mcu"], KIT["upload"], KIT["otolith"]["memory"]["flash"], 921_600
)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """tools(name, ...) puts programs on the only PATH there is; they write down what they are told
    and end as `status` says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    log = tmp_path / "log"

    def make(*names, status=0, says=""):
        for name in names:
            tool = folder / name
            tool.write_text(
                f'#!/bin/sh\necho "{name} $@" >> {log}\n'
                f'for a in "$@"; do case $a in *.jlink) while read l; do echo "$l"; done < $a '
                f">> {log};; esac; done\necho '{says}'\nexit {status}\n"
            )
            tool.chmod(0o755)

    make.heard = lambda: log.read_text().splitlines()
    return make


def test_commander_flashes_and_sets_the_ports_speed(tools, tmp_path):
    tools("commander", "JLinkExe", "pyocd")
    assert probe.upload(tmp_path / "f.bin", BOARD) == "flashed by Simplicity Commander"
    assert tools.heard() == [
        f"commander flash {tmp_path}/f.bin --binary --address 0x08000000 "
        "--device EFR32MG24B310F1536IM48",
        "commander vcom config --baudrate 921600 --handshake none --store",
    ]


def test_j_link_is_next(tools, tmp_path):
    tools("JLinkExe", "pyocd")
    assert probe.upload(tmp_path / "f.bin", BOARD) == "flashed by J-Link Software"
    command, *script = tools.heard()
    assert "-device EFR32MG24BxxxF1536" in command and "-if swd" in command
    assert script == ["r", f'loadfile "{tmp_path}/f.bin" 0x08000000', "r", "g", "exit"]


def test_then_pyocd(tools, tmp_path):
    tools("pyocd")
    assert probe.upload(tmp_path / "f.bin", BOARD) == "flashed by pyOCD"
    assert tools.heard() == [
        "pyocd flash -t efr32mg24b310f1536im48 --base-address 0x08000000 --format bin "
        f"{tmp_path}/f.bin"
    ]


def test_without_a_program_one_line_says_which(tools, tmp_path):
    with pytest.raises(UserError) as caught:
        probe.upload(tmp_path / "f.bin", BOARD)
    message = caught.value.message
    assert "install Simplicity Commander or J-Link Software or pyOCD" in message
    assert "connect its probe" in message and "0x08000000" in message and "\n" not in message


def test_without_a_probe_one_line_says_what_to_connect(tools, tmp_path):
    tools("commander", status=1, says="ERROR: Could not open J-Link connection.")
    with pytest.raises(UserError) as caught:
        probe.upload(tmp_path / "f.bin", BOARD)
    message = caught.value.message
    assert "Could not open J-Link connection" in message and "connect the probe's USB" in message
    assert "\n" not in message


@pytest.mark.parametrize("board", ["xg24_dev_kit", "xg24_dev_kit_brd2601a"])
def test_the_boards_name_methods_that_exist(board):
    about = json.loads((paths.ROOT / "boards" / f"{board}.json").read_text())["upload"]
    assert about["protocol"] in about["protocols"] and set(about["protocols"]) <= set(probe.METHODS)
