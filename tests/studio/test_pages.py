"""The pages in Debian's Chromium: a newcomer's way from Start to a detector."""

import re

import numpy as np
import pytest
import soundfile

from otolith.data import metadata
from support.browser import NARROW, chromium, page_of, serious, type_errors
from support.studio import running

RATE = 16000


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Its microphone hears a tone of 700 Hz that goes on and off every 0.4 s, in faint noise."""
    t = np.arange(4 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 700 * t) * (np.sin(2 * np.pi * 1.25 * t) > 0)
    noise = 0.003 * np.random.default_rng(1).standard_normal(len(t))
    file = tmp_path_factory.mktemp("microphone") / "heard.wav"
    soundfile.write(file, tone + noise, RATE, subtype="PCM_16")
    with chromium(file) as found:
        yield found


@pytest.fixture
def studio(tmp_path):
    with running(tmp_path) as found:
        yield found


def test_typescript_finds_no_mistake_in_the_modules():
    assert type_errors() == ""


def test_a_stranger_without_the_link_sees_nothing(studio, browser):
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(studio.origin)
    assert answer.status == 403 and "host studio" in page.inner_text("body")
    context.close()


def test_from_an_empty_folder_to_recorded_takes(studio, browser):
    with page_of(browser, studio.link) as page:
        assert studio.token not in page.url
        assert serious(page) == []
        page.get_by_label("What should it hear?").fill("ring")
        page.get_by_label("Name of the project").fill("doorbell")
        page.keyboard.press("Enter")  # the keyboard does
        page.get_by_role("button", name="Record ring").click()
        page.get_by_role("spinbutton", name="Takes").fill("1")
        page.get_by_role("spinbutton", name="Seconds each").fill("0.5")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("starts in").wait_for()
        page.get_by_text("1 takes of ring kept").wait_for()
        page.get_by_role("button", name="Close", exact=True).click()
        row = page.locator(".clip")
        assert row.count() == 1
        assert serious(page) == []

        dataset = studio.home / "doorbell" / "dataset"
        (file,) = metadata.load(dataset).by_file()
        heard, rate = soundfile.read(dataset / file)
        assert (len(heard), rate) == (RATE // 2, RATE)
        loudest = np.abs(np.fft.rfft(heard)).argmax() * RATE / len(heard)
        assert loudest == pytest.approx(700, abs=4)

        row.get_by_role("button", name=re.compile("^Delete")).click()
        page.get_by_text("No clips yet").wait_for()
        page.get_by_role("button", name="Undo").click()
        row.wait_for()
        assert list(metadata.load(dataset).by_file()) == [file]

        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert serious(page) == []


def test_ten_thousand_clips_are_a_list_of_a_few_rows(studio, browser):
    studio.post("/projects", {"name": "many", "hear": "ring"})
    dataset = studio.home / "many" / "dataset"
    rows = metadata.Metadata()
    rows.rows = [metadata.Row(f"ring/{n:05}.wav", "ring", set="train") for n in range(10_000)]
    rows.save(dataset)
    with page_of(browser, studio.link) as page:
        page.goto(studio.origin + "/#/many/sounds")
        page.reload()
        page.get_by_role("heading", name="10000 clips").wait_for()
        assert page.locator(".clip").count() < 60
        page.locator(".clips").evaluate("box => box.scrollTop = 300000")
        page.locator('.clip[data-file="ring/04995.wav"]').wait_for()
        assert page.locator(".clip").count() < 60
