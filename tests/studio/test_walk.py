"""A newcomer's way, in the browser: from `host studio` to a detector on the virtual Pico."""

import re
import subprocess
import sys

import numpy as np
import pytest

from otolith.data import metadata
from otolith.settings.spec import load
from support import shared
from support.browser import chromium, page_of, serious
from support.studio import RATE, wav

TAKES, BACKGROUND_S, UPDATES = 10, 60, 150
SECONDS = 600  # of any wait: this computer also trains and emulates


def sound(kind, rng):
    """Eight seconds of a sound that comes again and again, in a room's noise."""
    t = np.arange(8 * RATE) / RATE
    at = t % 1.0
    on = (at > 0.2) & (at < 0.7)
    heard = {
        "ring": 0.3 * on * np.sin(2 * np.pi * 700 * t),
        "knock": 0.5 * on * np.exp(-12 * np.clip(at - 0.2, 0, None)) * rng.uniform(-1, 1, len(t)),
        "background": 0 * t,
    }[kind]
    return wav(heard + 0.004 * rng.standard_normal(len(t)))


@pytest.fixture
def host(tmp_path, monkeypatch):
    """`host studio` in an empty folder: the link it prints, and the folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("PLATFORMIO_BUILD_DIR", str(shared.TEST_BUILD / "env" / "pico"))
    command = [sys.executable, "-m", "otolith", "studio", str(home), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert "Otolith Studio" in process.stdout.readline()
            yield process.stdout.readline().strip(), home
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.soak
@pytest.mark.timeout(1800)  # it trains, builds and emulates, often on a busy computer
def test_from_nothing_to_a_detector_on_the_virtual_pico(host, tmp_path):
    link, home = host
    rng = np.random.default_rng(5)
    heard = tmp_path / "heard.wav"  # Chromium reads it anew whenever a microphone is opened
    heard.write_bytes(sound("ring", rng))
    with chromium(heard) as browser, page_of(browser, link) as page:
        page.set_default_timeout(1000 * SECONDS)
        # Start
        page.get_by_label("What should it hear?").fill("ring, knock")
        page.get_by_label("Name of the project").fill("door")
        page.get_by_role("button", name="Create").click()
        # Sounds
        for label in ("ring", "knock", "background"):
            heard.write_bytes(sound(label, rng))
            page.get_by_role("button", name=f"Record {label}").click()
            if label == "background":
                page.get_by_role("spinbutton", name="Seconds").fill(str(BACKGROUND_S))
            else:
                page.get_by_role("spinbutton", name="Takes").fill(str(TAKES))
            page.get_by_role("button", name="Start", exact=True).click()
            page.get_by_text(re.compile(rf"\d+ takes? of {label} kept")).wait_for()
            page.get_by_role("button", name="Close", exact=True).click()
        rows = metadata.load(home / "door" / "dataset").rows
        counts = {label: sum(r.label == label for r in rows) for label in ("ring", "knock")}
        assert counts == {"ring": TAKES, "knock": TAKES}
        assert len(rows) == 2 * TAKES + BACKGROUND_S // 5
        # Train: short, as this is about the way
        spec = home / "door" / "spec.toml"
        assert load(spec.parent).deploy.board == "pico"
        spec.write_text(spec.read_text() + f"\n[train]\nupdates = {UPDATES}\nmine = 0\n")
        page.get_by_role("link", name="Train").click()
        page.get_by_role("button", name="Compare sizes on the board").click()
        small = page.locator("tr", has_text="alarm_cnn")
        small.get_by_text("fits").wait_for()
        assert all(unit in small.inner_text() for unit in ("kB", "ms", "%"))
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_role("heading", name="Trained", exact=True).wait_for()
        # Judge
        page.get_by_role("link", name="See its mistakes").click()
        page.get_by_role("button", name=re.compile("of ring, heard as (ring|unsure)")).first.click()
        page.get_by_role("button", name="Play ring/").first.click()
        page.get_by_text("false alarms an hour").first.wait_for()
        assert serious(page) == []
        # Live, on the virtual Pico
        page.get_by_role("link", name="Live").click()
        page.get_by_label("Who hears").select_option("virtual")
        with shared.lock("build-pico"):  # others build there too
            page.get_by_role("button", name="Start listening").click()
            page.get_by_role("button", name="That was wrong").first.click()
        page.get_by_text("is in the dataset as background").wait_for()
        page.get_by_text("It has heard all").wait_for()
        for label in ("ring", "knock"):
            assert page.locator("li", has_text=label).first.is_visible()
        assert serious(page) == []
        # the mistake trains it, from the last weights
        page.get_by_role("button", name="Train again with 1 more clip").click()
        page.get_by_role("button", name="Stop and keep the best").wait_for()
        page.get_by_role("heading", name="Trained", exact=True).wait_for()
        page.get_by_role("button", name="Compare with the newest").click()
        page.get_by_text("McNemar's exact test").wait_for()
    (image,) = (home / "door" / ".studio" / "images").iterdir()
    assert image.suffix == ".uf2"
