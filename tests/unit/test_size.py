"""Flash and RAM by part, from a linker map."""

import dataclasses
from pathlib import Path

import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile import schedule_model
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.firmware.size import Use, by_part, part_of, print_report, total
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.summarize.fit import largest_part, network_need, too_large
from otolith.train.feasible import siblings
from support import small_models

MAP = """Archive member included to satisfy reference by file (symbol)

Linker script and memory map

LOAD /b/libnn.a

.boot2          0x10000000      0x100
 .boot2         0x10000000      0x100 .pio/build/pico/boot2/b/sdk/boot2.S.o

.text           0x10000100       0x40
 *(.text*)
 .text.main     0x10000100       0x10 .pio/build/pico/src/inference/main.o
 .text.a_function_with_a_name_that_is_far_too_long_for_its_column
                0x10000110        0x6 .pio/build/pico/lib782/libnn.a(conv_2d.o)
 *fill*         0x10000116        0x2
 .text          0x10000118        0x8 /usr/lib/gcc/arm-none-eabi/12.2.1/thumb/v6-m/libgcc.a(_x.o)
 .text          0x10000120       0x20 .pio/build/pico/lib895/libfeatures.a(spectrogram.o)
                0x10000120                features_spectrogram

.rodata         0x10000140       0x14
 .rodata.str1.1
                0x10000140       0x20 .pio/build/pico/tinyusb/src/device/usbd.c.o
                                 0x24 (size before relaxing)
 .rodata.str1.1
                0x1000014c        0x8 .pio/build/pico/model/model.c.o

.ram_vector_table
                0x20000000       0xc0
 .ram_vector_table
                0x20000000       0xc0 .pio/build/pico/pico-sdk/src/crt0.S.o

.data           0x200000c0       0x10 load address 0x10000154
 .data.x        0x200000c0       0x10 .pio/build/pico/libb6c/libboard.a(led.o)

.bss            0x200000d0       0x30 load address 0x10000164
 .bss.y         0x200000d0        0x0 .pio/build/pico/src/inference/main.o
 COMMON         0x200000d0       0x30 .pio/build/pico/model/model.c.o

.heap           0x20000100        0x0

.stack_dummy    0x20041000     0x1000
 .stack_dummy   0x20041000     0x1000 .pio/build/pico/pico-sdk/src/crt0.S.o

.debug_info     0x00000000     0x9999
 .debug_info    0x00000000     0x9999 .pio/build/pico/src/inference/main.o
"""


def write_map(folder: Path) -> Path:
    path = folder / "build" / "pico" / "firmware.map"
    path.parent.mkdir(parents=True)
    path.write_text(MAP)
    return path


def test_each_byte_is_counted_once_and_in_its_part(tmp_path):
    path = write_map(tmp_path)
    uses = by_part(path)
    assert uses == {
        "libc, libgcc": Use(flash=8),
        "model": Use(flash=8, ram=0x30),
        "nn kernels": Use(flash=8),  # includes padding
        "features": Use(flash=0x20),
        "board": Use(flash=0x10, ram=0x10),  # initialised data takes both
        "TinyUSB": Use(flash=0xC),  # merged strings are counted once
        "pico-sdk": Use(ram=0xC0),
        "boot stage 2": Use(flash=0x100),
        "app": Use(flash=0x10),
        "stack": Use(ram=0x1000),
    }
    assert total(uses) == Use(0x100 + 0x40 + 0x14 + 0x10, 0xC0 + 0x10 + 0x30 + 0x1000)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (".pio/build/pico/lib3ef/liblisten.a(listen.o)", "listen, detect"),
        ("/home/model/src/x/.pio/build/pico/lib782/libnn.a(mean.o)", "nn kernels"),
        ("/usr/lib/arm-none-eabi/lib/thumb/v6-m/nofp/libc.a(lib_a-memmove.o)", "libc, libgcc"),
        ("C:\\otolith\\.pio\\build\\pico\\tinyusb\\src\\tusb.c.o", "TinyUSB"),
        ("/home/tinyusb/build/pico/x.o", "other"),
        ("elsewhere.o", "other"),
    ],
)
def test_parts_are_known_by_path(path, part):
    assert part_of(path, Path(".pio/build/pico")) == part


def test_report_says_what_share_of_the_board_is_used(tmp_path, capsys):
    path = write_map(tmp_path)
    print_report(path, 0x164 * 4, (0xC0 + 0x40 + 0x1000) * 2)
    assert "25.0% of flash, 50.0% of RAM" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\0 not a map"])
def test_no_map_is_one_clear_line(tmp_path, content):
    path = tmp_path / "firmware.map"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="firmware") as error:
        by_part(path)
    assert "\n" not in error.value.message


def test_a_network_too_large_for_a_board_says_by_how_much_and_what_has_room():
    schedule = schedule_model(small_models.slow(), "slow", "m0plus", "size")
    pico = named("pico")
    assert too_large(schedule, pico) is None
    need = network_need(schedule)
    tight = dataclasses.replace(pico, flash=need.flash, ram=need.ram)
    assert too_large(schedule, tight) is None
    less = dataclasses.replace(tight, flash=need.flash - 5, ram=need.ram - 1000)
    said = too_large(schedule, less, [less, pico])
    assert said is not None and said.startswith(
        f"does not fit pico: 5 bytes of flash too much (weights {need.flash:,}, of which layer 3 "
        "SOFTMAX has "
    )
    assert "1,000 bytes of RAM too much" in said and "layer 0 CONV_2D works on" in said
    assert said.endswith("it fits pico")
    assert too_large(schedule, less, [less]).endswith("it fits none of the boards")


def test_the_largest_part_is_of_the_memory_that_lacks():
    schedule = schedule_model(small_models.slow(), "slow", "m0plus", "size")
    pico, need = named("pico"), network_need(schedule)
    less_flash = dataclasses.replace(pico, flash=need.flash - 1)
    less_ram = dataclasses.replace(pico, ram=need.ram - 1)
    assert largest_part(schedule, less_flash, need).startswith("layer 3 SOFTMAX has ")
    assert largest_part(schedule, less_ram, need).startswith("layer 0 CONV_2D works on ")


@pytest.mark.parametrize(
    ("name", "others"),
    [("tenet20", {"tenet12", "tenet6", "tenet6_narrow"}), ("alarm_cnn", set()), ("a:b", set())],
)
def test_smaller_architectures_are_of_the_same_family(name, others):
    spec = load(MODELS / "fire_alarm")
    model = dataclasses.replace(spec.model, architecture=name)
    assert set(siblings(dataclasses.replace(spec, model=model))) == others


def test_compile_refuses_a_network_that_no_packing_fits(tmp_path, monkeypatch):
    (tmp_path / "slow.tflite").write_bytes(small_models.slow())
    monkeypatch.setattr(
        "otolith.summarize.compile_cli.named",
        lambda name: dataclasses.replace(named(name), ram=10_000),
    )
    command = ["compile", str(tmp_path / "slow.tflite"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*command, "--board", "pico"])
    assert result.exit_code == 1 and "bytes of RAM too much" in result.output
    assert "pico" in result.output.rsplit("it fits ", 1)[1]
    assert not (tmp_path / "out").exists()
