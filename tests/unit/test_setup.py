"""host setup and host doctor, with simulated parts."""

import contextlib
import io
import json
import platform
import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from serial.tools.list_ports_common import ListPortInfo

from otolith import __version__, paths
from otolith.errors import UserError
from otolith.setup import cli, debian, parts, registries
from otolith.setup.part import Found, Part, program
from otolith.setup.report import report


class Shelf:
    """A part that is present once it was installed. Counts its installations."""

    def __init__(self, present=False, works=True, **options):
        self.present, self.works, self.installs = present, works, 0
        options.setdefault("install", self.install)
        self.part = Part("gadget", "does things", self.find, "buy a gadget", **options)

    def find(self):
        return Found("1.2", "/shelf") if self.present else None

    def install(self):
        self.installs += 1
        if not self.works:
            raise UserError("sold out")
        self.present = True


def set_up(*shelves):
    console = Console(file=io.StringIO(), width=200)
    return cli.set_up([s.part for s in shelves], console), console.file.getvalue()


def test_setup_gets_what_is_missing_and_only_once():
    shelf = Shelf()
    missing, said = set_up(shelf)
    assert (missing, shelf.installs) == ([], 1)
    assert "gadget: getting it (does things)" in said
    missing, said = set_up(shelf)
    assert (missing, shelf.installs) == ([], 1)
    assert "gadget 1.2" in said


def test_setup_goes_on_after_a_failure_and_names_it():
    broken, good = Shelf(works=False), Shelf()
    missing, _ = set_up(broken, good)
    assert missing == ["gadget: sold out"]
    assert good.installs == 1


def test_setup_does_without_optional_parts():
    missing, said = set_up(Shelf(works=False, optional=True), Shelf(install=None, optional=True))
    assert missing == []
    assert "left out (optional): sold out" in said


def test_setup_hints_at_what_it_cannot_install():
    assert set_up(Shelf(install=None))[0] == ["gadget: buy a gadget"]


def test_setup_does_not_believe_an_installer():
    missing, _ = set_up(Shelf(install=lambda: None))
    assert "still not found" in missing[0]


def test_setup_command_fails_in_one_line(monkeypatch):
    monkeypatch.setattr(cli, "PARTS", [Shelf(works=False).part])
    done = CliRunner().invoke(cli.setup)
    assert done.exit_code == 1
    assert "Error: gadget: sold out\n" in done.output


@pytest.mark.parametrize(
    ("shelf", "code"),
    [
        (Shelf(present=True), 0),
        (Shelf(), 1),
        (Shelf(optional=True), 0),
    ],
)
def test_doctor_fails_if_a_part_is_missing(monkeypatch, shelf, code):
    monkeypatch.setattr(cli, "PARTS", [shelf.part])
    table = CliRunner().invoke(cli.doctor)
    assert table.exit_code == code
    assert ("/shelf" if shelf.present else "buy a gadget") in table.output
    done = CliRunner().invoke(cli.doctor, ["--json"])
    assert done.exit_code == code
    (row,) = json.loads(done.output)
    assert row["found"] == shelf.present
    assert row["hint"] == (None if shelf.present else "buy a gadget")
    assert shelf.installs == 0


def test_a_report_has_versions_and_devices_and_nothing_personal():
    port = ListPortInfo("/dev/ttyACM7")
    port.vid, port.pid, port.product, port.serial_number = 0x1209, 0x07, "Mic\x1b[31m\n", "E66001"
    text = report([Shelf(present=True).part, Shelf(optional=True).part, Shelf().part], [port])
    assert f"- Otolith {__version__}\n- Python {platform.python_version()}" in text
    assert "- gadget: 1.2\n- gadget: optional, missing\n- gadget: MISSING\n" in text
    assert text.endswith("- USB serial device 1209:0007 Mic[31m")
    for personal in ("/shelf", "ttyACM7", "E66001", str(Path.home())):
        assert personal not in text
    assert report([], []).endswith("- no USB serial device attached")


def test_doctor_prints_the_report():
    done = CliRunner().invoke(cli.doctor, ["--report"])
    assert done.exit_code == 0
    assert "- PlatformIO: " in done.output
    assert str(Path.home()) not in done.output and str(paths.ROOT) not in done.output


def test_every_part_says_why_and_what_to_do():
    names = [part.name for part in parts.PARTS]
    assert len(set(names)) == len(names)
    for part in parts.PARTS:
        assert part.why and part.hint


def fake_program(folder: Path, name: str, output: str) -> None:
    folder.mkdir(exist_ok=True)
    tool = folder / name
    tool.write_text(f"#!/bin/sh\necho '{output}'\n")
    tool.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "found"), [("12.2.1", True), ("13.3", True), ("10.3.1", False)]
)
def test_an_old_program_is_not_found(tmp_path, monkeypatch, version, found):
    fake_program(tmp_path / "bin", "tool", version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    result = program("tool", minimum=12)()
    assert (result == Found(version, str(tmp_path / "bin" / "tool"))) if found else result is None


def test_an_absent_program_is_not_found():
    assert program("no-such-program-here")() is None


def test_a_pico_sdk_of_another_version_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PICO_SDK", tmp_path)
    assert parts.find_pico_sdk() is None
    about = "    set(PICO_SDK_VERSION_MAJOR {})\n    set(PICO_SDK_VERSION_MINOR 1)\n"
    about += "    set(PICO_SDK_VERSION_REVISION 1)\n"
    (tmp_path / "pico_sdk_version.cmake").write_text(about.format(1))
    assert parts.find_pico_sdk() is None
    (tmp_path / "pico_sdk_version.cmake").write_text(about.format(2))
    assert parts.find_pico_sdk() == Found("2.1.1", str(tmp_path))


@pytest.mark.parametrize(
    ("sources", "uri"),
    [
        ("Types: deb\nURIs: https://a.example/debian\nSuites: x\n", "https://a.example/debian"),
        ("deb http://b.example/debian/ bookworm main\n", "http://b.example/debian/"),
        ("deb [signed-by=/k] http://c.example/debian bookworm main", "http://c.example/debian"),
        (
            "URIs: http://d.example/debian-security\n\nURIs: http://d.example/debian\n",
            "http://d.example/debian",
        ),
    ],
)
def test_the_mirror_is_the_one_this_machine_uses(sources, uri):
    assert debian.mirror(sources) == uri


@pytest.mark.parametrize(
    "sources", ["", "# deb http://x.example/debian x main\n", "deb http://u/ubuntu y"]
)
def test_without_a_mirror_one_is_told_what_else_works(sources):
    with pytest.raises(UserError, match="PICO_SDK_PATH"):
        debian.mirror(sources)


def test_who_is_not_root_gets_the_line_to_run(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/" + name)
    with pytest.raises(UserError, match=r"^run: sudo apt-get install -y gcc make$"):
        debian.install("gcc", "make")


def test_apt_is_asked_again_after_an_update(monkeypatch):
    said = []

    def run(*command, **options):
        said.append(" ".join(command))
        if len(said) == 1:
            raise UserError("Unable to locate package")
        return ""

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/" + name)
    monkeypatch.setattr(debian, "run", run)
    debian.install("gcc")
    assert [line.split()[1] for line in said] == ["install", "update", "install"]


def test_other_bytes_than_the_pinned_ones_are_refused():
    with pytest.raises(UserError, match="SHA-256"):
        registries.check(b"other", registries.BOOTROM_SHA256, "boot ROM")


def test_a_changed_build_tool_is_not_unpacked(tmp_path, monkeypatch):
    """PlatformIO executes this tool. If its bytes changed, the installed one stays untouched."""
    wheel = tmp_path / "scons-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr("SCons/__init__.py", "raise SystemExit")

    @contextlib.contextmanager
    def downloaded(*_):
        yield wheel

    monkeypatch.setattr(registries, "downloaded", downloaded)
    monkeypatch.setattr(registries, "PIO_CORE", tmp_path / "core")
    with pytest.raises(UserError, match="SHA-256"):
        registries.install_tool_scons()
    assert not (tmp_path / "core" / "packages" / "tool-scons").exists()


def test_a_failed_unpacking_leaves_the_old_folder(tmp_path):
    target = tmp_path / "part"
    target.mkdir()
    (target / "file").write_text("old")
    with pytest.raises(UserError), registries.fresh_folder(target) as work:
        (work / "file").write_text("new")
        raise UserError("torn")
    assert (target / "file").read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["part"]
    with registries.fresh_folder(target) as work:
        (work / "file").write_text("new")
    assert (target / "file").read_text() == "new"


def test_platformio_is_quiet_only_with_every_setting(tmp_path, monkeypatch):
    state = tmp_path / "appstate.json"
    monkeypatch.setattr(registries, "PIO_STATE", state)
    assert not registries.is_quiet()
    state.write_text("{torn")
    assert not registries.is_quiet()
    state.write_text(json.dumps({"settings": {"enable_telemetry": False}}))
    assert not registries.is_quiet()
    state.write_text(json.dumps({"settings": registries.QUIET}))
    assert registries.is_quiet()


def test_this_machine_is_set_up():
    done = CliRunner().invoke(cli.doctor, ["--json"])
    missing = [row for row in json.loads(done.output) if not row["found"] and not row["optional"]]
    assert missing == []
    assert shutil.which("arm-none-eabi-gcc")
