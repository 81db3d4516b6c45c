"""The pages in Debian's Chromium: a newcomer's way from Start to a detector."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from scipy.stats import binomtest

from otolith.compile.metadata import read_metadata, write_metadata
from otolith.data import metadata
from otolith.paths import MODELS
from otolith.settings.spec import load
from support import small_models
from support.browser import NARROW, chromium, page_of, serious, type_errors
from support.studio import running, wav

RATE = 16000


def smoke_alarm(seconds, frequency):
    """ISO 8201's pattern: three beeps of half a second, and a pause."""
    t = np.arange(round(seconds * RATE)) / RATE
    on = ((t % 4) < 2.5) & (((t % 4) % 1) < 0.5)
    return 0.4 * np.sin(2 * np.pi * frequency * t) * on


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Its microphone hears a smoke alarm of 3100 Hz, again and again, in faint noise."""
    noise = 0.002 * np.random.default_rng(1).standard_normal(8 * RATE)
    file = tmp_path_factory.mktemp("microphone") / "heard.wav"
    file.write_bytes(wav(smoke_alarm(8, 3100) + noise))
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
        assert load(studio.home / "doorbell").deploy.board == "pico"  # unless another is chosen
        page.get_by_role("spinbutton", name="Takes").fill("1")
        page.get_by_role("spinbutton", name="Seconds each").fill("2")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("starts in").wait_for()
        page.get_by_text("1 take of ring kept").wait_for()
        page.get_by_role("button", name="Close", exact=True).click()
        row = page.locator(".clip")
        assert row.count() == 1
        assert serious(page) == []

        dataset = studio.home / "doorbell" / "dataset"
        (file,) = metadata.load(dataset).by_file()
        heard, rate = soundfile.read(dataset / file)
        assert (len(heard), rate) == (2 * RATE, RATE)
        loudest = np.abs(np.fft.rfft(heard)).argmax() * RATE / len(heard)
        assert loudest == pytest.approx(3100, abs=4)

        row.get_by_role("button", name=re.compile("^Delete")).click()
        page.get_by_text("No clips yet").wait_for()
        page.get_by_role("button", name="Undo").click()
        row.wait_for()
        assert list(metadata.load(dataset).by_file()) == [file]

        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert serious(page) == []


@pytest.fixture
def alarm(studio):
    """A project with the fire alarm's trained network and a few clips in the test set."""
    shutil.copytree(MODELS / "fire_alarm", studio.home / "alarm")
    upload = studio.post("/p/alarm/uploads")["upload"]
    rng = np.random.default_rng(1)
    for number in range(4):
        room = rng.normal(0, 0.003, 5 * RATE)
        for label, sound in (("fire_alarm", smoke_alarm(5, 3000 + 50 * number)), ("background", 0)):
            path = f"/p/alarm/uploads/{upload}/test/{label}/{number}.wav"
            assert studio.ask("PUT", path, wav(sound + room)).status == 200
    job = studio.job("alarm", studio.post("/p/alarm/import", {"upload": upload}))
    assert job["state"] == "done", job
    return "alarm"


def test_a_cell_plays_its_clips_and_the_curve_counts_false_alarms_an_hour(studio, browser, alarm):
    with page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/{alarm}/judge")
        slider = page.get_by_label("fire_alarm from a score")
        slider.fill("0.5")
        page.get_by_role("button", name="4 clips of fire_alarm, heard as fire_alarm").click()
        page.get_by_role("button", name="Play fire_alarm/").first.click()
        page.locator("canvas.seen").nth(3).wait_for()
        page.wait_for_function("[...document.querySelectorAll('canvas.seen')].every(c => c.seen)")
        page.get_by_text("0.0 false alarms an hour").wait_for()
        slider.fill("1")  # nothing scores so high: all clips are missed
        page.get_by_text("misses 4 of 4").wait_for()
        area = page.locator(".curve .u-over")
        low = area.bounding_box()["height"] - 4
        area.click(position={"x": 3, "y": low})  # the curve's lower end
        page.get_by_text("misses 0 of 4").wait_for()
        assert serious(page) == []
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    # the curve is that of host evaluate --stream on the same clips
    jobs = studio.get(f"/p/{alarm}/jobs")
    result = next(job["result"] for job in jobs if job["kind"] == "judge")
    (curve,) = result["curves"]
    assert curve["positives"] == 4 and curve["hours"] == pytest.approx(40 / 3600, rel=0.01)
    # what the network saw is its input, from the same front end as the chip's
    file = next(c["file"] for c in result["clips"] if c["truth"] == "fire_alarm")
    data = studio.ask("GET", f"/p/{alarm}/window?file={file}").data
    frames, bands = np.frombuffer(data[:4], "<u2")
    assert (frames, bands) == load(MODELS / "fire_alarm").features.shape
    seen = np.frombuffer(data[4:], np.uint8).reshape(frames, bands)
    assert seen.std() > 10
    assert studio.ask("GET", f"/p/{alarm}/window?file=../spec.toml").status == 400


def test_earlier_networks_are_compared_on_the_same_clips(studio, browser, alarm):
    runs = studio.home / alarm / ".studio" / "runs"
    runs.mkdir(parents=True)
    known = json.loads((MODELS / "fire_alarm" / "metrics.json").read_text())
    names = ("weights_bytes", "arena_bytes", "clip_accuracy", "seconds")
    told = {"architecture": "alarm_cnn", **{name: known.get(name, 1) for name in names}}
    loud = small_models.loudness()
    about = read_metadata(loud)
    detect = replace(about.detect, thresholds={"fire_alarm": 0.5})
    classes = ("background", "fire_alarm")
    loud = write_metadata(loud, replace(about, classes=classes, detect=detect))
    trained = (MODELS / "fire_alarm" / "fire_alarm.tflite").read_bytes()
    for name, network in (("20260101-101010-a", loud), ("20260102-101010-b", trained)):
        (runs / f"{name}.json").write_text(json.dumps(told))
        (runs / f"{name}.tflite").write_bytes(network)
    with page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/{alarm}/train")
        page.get_by_role("button", name="Compare with the newest").click()
        page.get_by_text("McNemar's exact test").wait_for()
        assert serious(page) == []
    result = next(j["result"] for j in studio.get(f"/p/{alarm}/jobs") if j["kind"] == "compare")
    assert result["b"]["accuracy"] == 1 and result["clips"] == 8
    p = binomtest(result["only_a"], result["only_a"] + result["only_b"]).pvalue
    assert result["p_value"] == pytest.approx(p)
    wish = {"a": "../../alarm", "b": "20260102-101010-b"}
    assert studio.ask("POST", f"/p/{alarm}/compare", wish).status == 400


def test_the_model_hears_the_microphone_and_its_mistakes_become_clips(studio, browser, alarm):
    dataset = studio.home / alarm / "dataset"
    before = len(metadata.load(dataset).rows)
    with page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/{alarm}/live")
        page.reload()
        page.get_by_role("button", name="Start listening").click()
        page.get_by_role("button", name="That was wrong").first.click()  # there is an event
        page.get_by_text("is in the dataset as background").wait_for()
        page.get_by_role("button", name="You missed one").click()
        page.get_by_text("is in the dataset as fire_alarm").wait_for()
        assert serious(page) == []
        page.get_by_role("link", name="Board").click()
        page.get_by_role("button", name="Build and run on the virtual board").wait_for()
        assert serious(page) == []
    rows = metadata.load(dataset).rows[before:]
    assert [row.label for row in rows] == ["background", "fire_alarm"]
    heard, rate = soundfile.read(dataset / rows[1].file)
    loudest = np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard)
    assert loudest == pytest.approx(3100, abs=10)


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
