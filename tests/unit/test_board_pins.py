"""What is wrong with a board's pins and microphone is told before the build, all at once."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.cli import main
from otolith.deploy.wiring import about, drawing, wiring
from otolith.device import microphones, pins
from otolith.device.boards import board_from, check, load_boards, named, with_options
from otolith.device.microphones import DRIVERS, Driver, drivers_of
from otolith.errors import UserError
from otolith.paths import LIB, ROOT
from support.soak import depth

FOLDERS = {"rp2350": "rp2040"}  # whose drivers are in another family's folder


def changed(board_id, pins=None, microphone=None):
    content = json.loads((ROOT / "boards" / f"{board_id}.json").read_text())
    content["otolith"]["pins"] |= pins or {}
    content["otolith"]["microphone"] = microphone or content["otolith"]["microphone"]
    return board_from(board_id, content)


def told(board):
    with pytest.raises(UserError) as error:
        check(board)
    return error.value.message.split("\n")


@pytest.mark.parametrize("board", load_boards(), ids=lambda board: board.id)
def test_every_board_of_the_project_can_be_built_with_every_kind_it_has_pins_for(board):
    assert check(board) is board
    for kind, driver in drivers_of(board.family).items():
        if set(driver.signals) <= set(board.pins):
            assert check(with_options(board, [f"microphone={kind}"])).microphone.kind == kind


def test_every_line_of_the_registry_has_its_driver():
    for driver in DRIVERS:
        folder = LIB / "board" / "src" / FOLDERS.get(driver.family, driver.family)
        assert (folder / f"microphone_{driver.kind}.c").exists()
        assert driver.parts and driver.signals
    files = {f"{f.parent.name}/{f.stem}" for f in (LIB / "board" / "src").glob("*/microphone_*.c")}
    lines = {f"{FOLDERS.get(d.family, d.family)}/microphone_{d.kind}" for d in DRIVERS}
    assert files == lines | {"no_microphone/microphone_none"}


@pytest.mark.parametrize(
    ("board", "lines"),
    [
        (changed("pico", {"PDM_DATA": 30}), ["otolith.pins.PDM_DATA is 30: the chip has pins 0"]),
        (changed("pico", {"PDM_DATA": 3}), ["otolith.pins.PDM_CLOCK is 3: PDM_DATA is on that"]),
        (changed("pico", {"PDM_DATA": "P0_01"}), ["PDM_DATA is P0_01: the chip has pins 0 to 29"]),
        (
            changed("pico", {"ADC": 22}, {"kind": "adc"}),
            ["otolith.pins.ADC is 22: the ADC reads 26 to 29"],
        ),
        (
            changed("pico", {"I2S_WORD": 9, "I2S_CLOCK": 10}, {"kind": "i2s"}),
            ["I2S_WORD is 9: I2S_DATA is on that pin", "it must be I2S_CLOCK + 1, 11"],
        ),
        (
            changed("nrf52840_dk", {"PDM_DATA": "P0_18"}, {"kind": "pdm", "gain_db": 90}),
            ["gain_db is 90: it is -40 to 60 dB", "PDM_DATA is P0_18: it is the reset pin"],
        ),
        (
            changed("nrf52840_dk", {}, {"kind": "adc"}),
            ["kind is 'adc': nrf52 has drivers for pdm"],
        ),
        (
            changed("seeed_xiao_nrf52840_sense", {"LED": "P2_01"}, {"kind": "pdmm"}),
            ["kind is 'pdmm'", "otolith.pins.LED is P2_01: the chip has pins P0_00 to P1_15"],
        ),
        (changed("mps2_an386", {}, {"kind": "pdm"}), ["mps2 has no driver for it"]),
        (changed("xg24_dev_kit", {}, {"kind": "pdm"}), ["efr32 has drivers for i2s, adc"]),
    ],
)
def test_all_problems_are_told_one_a_line(board, lines):
    found = told(board)
    assert len(found) == len(lines)
    for line, part in zip(found, lines, strict=True):
        assert line.startswith(f"boards/{board.id}.json: ") and part in line


PIN = st.one_of(
    st.integers(-2, 40), st.sampled_from(["P0_00", "P0_18", "P1_15", "P1_16", "PA5", "PB6", ""])
)
SIGNALS = ["PDM_DATA", "PDM_CLOCK", "I2S_DATA", "I2S_CLOCK", "I2S_WORD", "ADC", "LED", "OTHER"]


@settings(deadline=None, max_examples=depth(60, 2000))
@given(
    st.sampled_from(["rp2040", "rp2350", "nrf52", "efr32", "mps2", "acme"]),
    st.dictionaries(st.sampled_from(SIGNALS), PIN),
    st.sampled_from(["pdm", "i2s", "adc", "none", "smoke\n"]),
    st.integers(-60, 80),
)
def test_whatever_the_file_says_the_answer_is_lines_or_a_board_that_fits(family, wires, kind, db):
    microphone = microphones.Microphone(kind, db)
    found = pins.problems(family, wires, microphone)
    assert all(line and "\n" not in line for line in found) and len(set(found)) == len(found)
    if found:
        return
    driver = drivers_of(family).get(kind)
    assert kind == "none" or driver is not None
    assert -40 <= db <= 60
    if driver is not None and family in pins.FAMILIES:
        used = [wires[signal] for signal in driver.signals]
        assert len(set(used)) == len(used) and all(map(pins.FAMILIES[family].exists, used))


def test_a_new_kind_is_one_line(monkeypatch):
    new = Driver("nrf52", "adc", ("MAX9814",), analog=("ADC",))
    monkeypatch.setattr(microphones, "DRIVERS", (*DRIVERS, new))
    monkeypatch.setattr(pins, "DRIVERS", (*DRIVERS, new))
    board = changed("nrf52840_dk", {"ADC": "P0_02"}, {"kind": "adc"})
    assert told(board) == [
        "boards/nrf52840_dk.json: otolith.pins.ADC is P0_02: the ADC reads no pin"
    ]  # until pins.py says which


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["microphone"], "must be NAME=VALUE"),
        (["mikrophone=i2s"], "NAME one of microphone"),
        (["microphone.gain_db=loud"], "Expected `int`"),
        (["microphone.channel=middle"], "Invalid enum value 'middle'"),
    ],
)
def test_a_wrong_option_is_one_line(options, part):
    with pytest.raises(UserError) as error:
        with_options(named("pico"), options)
    assert part in error.value.message and "\n" not in error.value.message


# ---- host boards ----


def run(*arguments):
    return CliRunner().invoke(main, ["boards", *arguments])


def test_the_list_has_every_board_and_claims_nothing_on_silicon():
    listed = [json.loads(line) for line in run("--json").stdout.splitlines()]
    assert [entry["id"] for entry in listed] == [board.id for board in load_boards()]
    assert {entry["silicon"] for entry in listed} == {"not yet", "exists for tests"}
    assert all(entry["ran"] and entry["memory"] and entry["microphone"] for entry in listed)
    text = run().stdout
    assert all(board.name in text for board in load_boards())


def test_a_boards_wires_are_printed_and_drawn(tmp_path):
    drawn = tmp_path / "wiring.svg"
    done = run("show", "pico", "-O", "microphone=i2s", "--svg", str(drawn))
    assert done.exit_code == 0, done.output
    for part in ("SD (DOUT)       GP9, pin 12", "L/R (SEL)       GND, pin 38", "pico-sdk"):
        assert part in done.stdout
    texts = [e.text for e in ElementTree.parse(drawn).iter() if e.tag.endswith("text")]
    assert {"GP10, pin 14", "WS (LRCL)", "Raspberry Pi Pico"} <= set(texts)
    right = with_options(named("pico"), ["microphone=i2s", "microphone.channel=right"])
    assert wiring(right)[-1].pin == "3V3(OUT), pin 36"


def test_a_microphone_on_board_needs_no_wires(tmp_path):
    board = named("arduino_nano33ble_sense")
    assert wiring(board) == [] and about(board).microphone == "PDM, MP34DT05, on board"
    done = run("show", board.id, "--svg", str(tmp_path / "x.svg"))
    assert done.exit_code == 1 and "nothing to wire" in done.output
    assert not (tmp_path / "x.svg").exists()


def test_an_unknown_board_is_told_the_nearest():
    done = run("show", "pico2w")
    assert done.exit_code == 1 and "did you mean pico2_w?" in done.output
    assert len(done.output.splitlines()) == 1


def test_names_from_files_are_escaped_in_the_drawing():
    content = json.loads((ROOT / "boards/pico.json").read_text())
    content["name"] = 'x</text><script>"&'
    ElementTree.fromstring(drawing(board_from("x", content)))
