"""boards/*.json: their contents, and errors in invalid files."""

import json

import pytest

from otolith import paths
from otolith.device.boards import board_from, load_boards, named, read_board
from otolith.errors import UserError

GOOD = {
    "name": "Board",
    "build": {"mcu": "nrf52840", "cpu": "cortex-m4", "f_cpu": "64000000L"},
    "otolith": {
        "family": "nrf52",
        "pins": {"LED": "P0_13", "PDM_DATA": 2},
        "memory": {"flash": "0x1000"},
        "bootloader_request": "0x57",
    },
    "upload": {"maximum_size": 1000, "maximum_ram_size": 100, "pyocd_target": "x"},
}


def changed(path, value):
    about = json.loads(json.dumps(GOOD))
    *groups, key = path.split(".")
    inner = about
    for group in groups:
        inner = inner[group]
    if value is None:
        del inner[key]
    else:
        inner[key] = value
    return about


def test_a_file_becomes_a_typed_board():
    board = board_from("mine", GOOD)
    assert (board.id, board.family, board.flash, board.ram) == ("mine", "nrf52", 1000, 100)
    assert (board.clock_hz, board.flash_start, board.bootloader_request) == (64_000_000, 4096, 0x57)
    assert board.console == "usb" and board.baud is None and board.qemu is None
    assert dict(board.upload.settings) == {"pyocd_target": "x"} and board.upload.protocols == ()
    assert board.name_of_pin("LED") == "P0_13" and board.number_of_pin("PDM_DATA") == 2


def test_every_board_of_the_project_is_read():
    boards = load_boards()
    assert len(boards) == len(list(paths.BOARDS.glob("*.json"))) > 8
    assert {b.console for b in boards if b.family in ("efr32", "mps2")} == {"uart"}
    assert all(b.clock_hz > 1e7 and b.flash > b.ram // 8 for b in boards)
    assert named("pico").number_of_pin("PDM_CLOCK") == 3


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("name", None, "`name`"),
        ("otolith.family", None, "`family`"),
        ("otolith.family", 7, "otolith.family"),
        ("otolith.pins", [1], "otolith.pins"),
        ("otolith.console", "smoke", "otolith.console"),
        ("otolith.memory.flash", "high", "high"),
        ("otolith.led_active_low", 1, "otolith.led_active_low"),
        ("upload.maximum_size", "big", "upload.maximum_size"),
        ("build.f_cpu", "fast", "fast"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_that_names_it(path, value, told, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(changed(path, value)))
    with pytest.raises(UserError) as error:
        read_board(file)
    message = error.value.message
    assert message.startswith(f"{file}: not a board: ") and told in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "{", "[" * 9000, "[1]", '{"name": 1' + "0" * 5000 + "}"])
def test_what_is_no_json_object_is_one_line(text, tmp_path):
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(UserError, match=r"mine\.json: not (JSON|a board)"):
        read_board(tmp_path / "mine.json")


@pytest.mark.parametrize("name", ["moon", "../boards/pico", ""])
def test_an_unknown_board_is_told_which_there_are(name):
    with pytest.raises(UserError, match=r"no board .*arduino_nano33ble_sense, "):
        named(name)


def test_pins_are_numbers_or_names():
    board = board_from("mine", GOOD)
    with pytest.raises(UserError, match=r"boards/mine\.json: otolith\.pins\.LED: must be a number"):
        board.number_of_pin("LED")
    with pytest.raises(UserError, match=r"otolith\.pins\.PDM_DATA: must be a name"):
        board.name_of_pin("PDM_DATA")
    with pytest.raises(UserError, match=r"otolith\.pins\.NONE"):
        board.name_of_pin("NONE")
