"""The Live and Board pages with a board: a virtual Pico at a pseudo-terminal."""

import contextlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from otolith.data import metadata
from otolith.device.transports import Port
from otolith.studio import images
from otolith.studio.areas import board as board_page
from support import shared, small_models
from support.browser import chromium, done, page_of, serious
from support.images import build
from support.studio import RATE, running, wav


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the project "loud", whose network decides by loudness, and its image."""
    folder = tmp_path_factory.mktemp("home")
    with running(folder) as studio:
        studio.post("/projects", {"name": "loud", "hear": "loud"})
    (folder / "loud" / "loud.tflite").write_bytes(small_models.loudness())
    build("pico", small_models.loudness(), tmp_path_factory.mktemp("image"))
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def studio(home, tmp_path, monkeypatch):
    monkeypatch.setenv("OTOLITH_LOCKS", str(tmp_path / "locks"))
    with running(home) as found:
        yield found


@contextlib.contextmanager
def board(folder, seconds=120):
    """The inference app on a virtual Pico in real time: its port, and its process."""
    image = build("pico", small_models.loudness(), folder)
    level = np.tile(np.repeat([30, 6000], RATE), 60)  # below clipping, which recorders refuse
    noise = np.random.default_rng(3).normal(0, 1, len(level)) * level
    soundfile.write(folder / "heard.wav", np.clip(noise, -32768, 32767).astype(np.int16), RATE)
    command = ["virtual", "run", image, "--audio", folder / "heard.wav", "--pty", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "otolith", *map(str, command), "--seconds", str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield json.loads(process.stdout.readline())["pty"], process
        finally:
            process.kill()


def test_a_board_is_heard_set_corrected_and_pulled_out(studio, browser, tmp_path):
    dataset = studio.home / "loud" / "dataset"
    with board(tmp_path) as (port, process), page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/loud/live")
        page.get_by_label("Who hears").select_option("other")
        page.get_by_label("Port", exact=True).fill(port)
        page.get_by_role("button", name="Start listening").click()
        page.get_by_role("button", name="That was wrong").first.wait_for()
        page.get_by_text("% CPU").wait_for()  # the board's own figure
        page.get_by_label("Threshold of loud").fill("0.31")
        page.locator(".number", has_text="0.31").wait_for()  # what the board answered
        page.get_by_label("Energy gate").fill("500")
        page.locator(".number", has_text="500").wait_for()
        page.get_by_role("button", name="That was wrong").first.click()
        page.get_by_text("is in the dataset as background").wait_for()
        assert page.get_by_role("button", name="Train again with 1 more clip").is_visible()
        assert serious(page) == []
        # a second tab is told who has the board
        with page_of(browser, studio.link) as second:
            second.goto(f"{studio.origin}/#/loud/board")
            second.get_by_label("Another serial port").fill(port)
            second.get_by_role("button", name="Serial log").click()
            second.get_by_text("is in use by process").wait_for()
        process.kill()  # the board is pulled out
        page.get_by_text("lost the board").wait_for()
        assert page.get_by_text("That was wrong").count() == 0
        assert page.locator("#picture").is_visible() and page.get_by_text("loud").count() > 2
    (row,) = metadata.load(dataset).rows
    assert (row.label, row.device) == ("background", "pico")
    heard, _ = soundfile.read(dataset / row.file, dtype="int16")
    assert RATE <= len(heard) <= 2 * RATE and np.abs(heard.astype(int)).max() > 12000


def test_takes_come_from_a_board_at_a_serial_port(studio, browser, tmp_path, monkeypatch):
    wish = {"label": "loud", "seconds": 0.5, "countdown": 0, "silence_db": -100}
    with board(tmp_path) as (port, process):
        found = [Port(port, "Otolith board", True)]
        monkeypatch.setattr(board_page, "serial_ports", lambda: found)  # a pty is not listed
        with page_of(browser, studio.link) as page:
            page.goto(f"{studio.origin}/#/loud/sounds")
            page.get_by_role("button", name="Record background").click()
            page.get_by_label("Microphone").select_option(f"port:{port}")
            page.get_by_role("spinbutton", name="Seconds").fill("0.5")
            page.get_by_role("button", name="Start", exact=True).click()
            done(page, "1 take of background kept")
        socket = studio.socket("/p/loud/record")
        socket.send({**wish, "count": 100, "port": port})
        assert socket.until("take", "error")["kind"] == "take"
        process.kill()
        assert "lost the board" in socket.until("error")["text"]
    dataset = studio.home / "loud" / "dataset"
    rows = [r for r in metadata.load(dataset).rows if r.device.startswith("Otolith ")]
    assert {row.label for row in rows} == {"background", "loud"}
    for row in rows:
        assert len(soundfile.read(dataset / row.file)[0]) == RATE // 2


# of the RP2040's boot ROM
INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"


@pytest.mark.slow
def test_firmware_is_built_and_copied_to_a_drive(studio, browser, tmp_path, monkeypatch):
    drive = tmp_path / "RPI-RP2"
    monkeypatch.setenv("PLATFORMIO_BUILD_DIR", str(shared.TEST_BUILD / "env" / "pico"))
    monkeypatch.setenv("OTOLITH_DRIVES", str(drive))
    with page_of(browser, studio.link) as page, shared.lock("build-pico"):
        page.goto(f"{studio.origin}/#/loud/board")
        page.get_by_text("Hold BOOTSEL").wait_for()
        drive.mkdir()
        (drive / "INFO_UF2.TXT").write_text(INFO)
        page.get_by_role("button", name="Look again").click()
        page.get_by_text("Raspberry Pi RP2").wait_for()
        page.get_by_role("button", name="Build and upload").click()
        page.get_by_role("progressbar").first.wait_for()
        done(page, "runs the model now", seconds=120)
        assert serious(page) == []
    (job,) = studio.get("/p/loud/jobs")
    events = studio.ask("GET", f"/p/loud/jobs/{job['id']}/events").data.decode()
    assert '"step": "copying to ' in events and '"share": 1.0' in events
    data = (drive / "firmware.uf2").read_bytes()
    assert data == next((studio.home / "loud" / ".studio" / "images").iterdir()).read_bytes()
    assert data[:8] == b"UF2\nWQ]\x9e"


@pytest.mark.slow
def test_a_virtual_board_is_heard_live_and_judged_with_its_led(home, studio, browser, tmp_path):
    folder = home / "virtual"
    studio.post("/projects", {"name": "virtual", "hear": "loud"})
    tflite = folder / "virtual.tflite"
    tflite.write_bytes(small_models.loudness())
    image = build("pico", small_models.loudness(), tmp_path)
    kept = images.path_of(folder, "pico", tflite)
    kept.parent.mkdir(parents=True)
    shutil.copyfile(image, kept)
    upload = studio.post("/p/virtual/uploads")["upload"]
    rng = np.random.default_rng(2)
    for name in metadata.SETS:
        for label, level in (("loud", 0.2), ("background", 0.001)):
            at = f"/p/virtual/uploads/{upload}/{name}/{label}/0.wav"
            sound = wav(np.clip(level * rng.normal(size=2 * RATE), -1, 1))
            assert studio.ask("PUT", at, sound).status == 200
    job = studio.job("virtual", studio.post("/p/virtual/import", {"upload": upload}))
    assert job["state"] == "done", job
    with page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/virtual/live")
        page.get_by_label("Who hears").select_option("virtual")
        page.get_by_role("button", name="Start listening").click()
        page.get_by_text("% CPU").wait_for()  # the virtual board's own figure
        page.get_by_role("img", name="LED off").wait_for()
        page.get_by_role("button", name="Stop listening").click()
        page.get_by_role("link", name="Board").click()
        page.get_by_role("button", name="Build and run on the virtual board").click()
        done(page, "sounds as they should be", 120)
        (told,) = [j["result"] for j in studio.get("/p/virtual/jobs") if j["kind"] == "virtual"]
        right = {o["name"] for o in told["outcomes"] if o["right"]}
        assert "loud" in right and page.get_by_text(f"{len(right)} of 2").is_visible()
        lights = page.locator(".led i")
        assert page.get_by_role("img", name="LED over").is_visible() and lights.count()
        assert serious(page) == []


def test_a_serial_log_shows_lines_and_takes_commands(studio, browser, tmp_path):
    with board(tmp_path) as (port, process), page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/loud/board")
        page.get_by_label("Another serial port").fill(port)
        page.get_by_role("button", name="Serial log").click()
        log = page.locator("#serial-log")
        log.get_by_text('"event":"hello"').wait_for()
        page.get_by_label("Command").fill("get detect")
        page.keyboard.press("Enter")
        log.get_by_text('"event":"settings"').wait_for()
        process.kill()
        page.get_by_text("lost the board").wait_for()
        assert page.get_by_role("button", name="Open it again").is_visible()
        assert serious(page) == []


@pytest.mark.parametrize(
    "port", ["", "/etc/passwd", "/dev/null", "/dev/tty/../mem", "/dev/ttyUSB77"]
)
def test_only_serial_ports_are_opened(studio, port):
    for path in ("live?source=board&", "serial?"):
        socket = studio.socket(f"/p/loud/{path}port={port}")
        said = socket.receive()
        assert said["kind"] == "error" and "no board at" in said["text"]
        socket.close()
    answer = studio.ask("POST", "/p/loud/flash", {"port": port or "?"})
    assert answer.status == 400
