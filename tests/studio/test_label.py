"""The Label page: a long recording becomes labels, an Audacity track and clips."""

import shutil

import numpy as np
import pytest
import soundfile

from otolith.audio import RATE
from otolith.data import metadata
from otolith.data.labels import read_track
from otolith.features import extract
from otolith.listen.chain import Chain
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.studio import recordings
from support.browser import NARROW, page_of, serious
from support.studio import wav

STARTS = (2.0, 5.0, 9.5, 14.0)  # of the beeps, s
FREQUENCIES = (700, 1200, 700, 1200)
BEEP_S = 0.6
SECONDS = 20


def evening():
    """Beeps in faint noise."""
    sound = 0.002 * np.random.default_rng(1).standard_normal(SECONDS * RATE)
    t = np.arange(round(BEEP_S * RATE)) / RATE
    for start, frequency in zip(STARTS, FREQUENCIES, strict=True):
        at = round(start * RATE)
        sound[at : at + len(t)] += 0.3 * np.sin(2 * np.pi * frequency * t)
    return sound


def put(studio, name, data, project="house"):
    return studio.ask("PUT", f"/p/{project}/recordings/file/{name}", data)


def opened(studio, name, project="house"):
    at = f"/p/{project}/recordings"
    job = studio.post(at + "/open", {"name": name})["job"]
    if job:
        assert studio.job(project, job)["state"] == "done", studio.job(project, job)
    return studio.get(f"{at}/about?name={name}")


@pytest.fixture(scope="module")
def house(studio):
    studio.post("/projects", {"name": "house", "hear": "low, high", "kind": "sound"})
    return studio.home / "house"


@pytest.fixture(scope="module")
def evening_wav(studio, house):
    assert put(studio, "evening.wav", wav(evening())).json() == {"name": "evening.wav"}
    return opened(studio, "evening.wav")


def test_the_picture_is_the_chips_and_the_waveform_the_recordings(studio, house, evening_wav):
    at = "/p/house/recordings"
    about = evening_wav["opened"]
    pcm = soundfile.read(house / "recordings" / "evening.wav", dtype="int16")[0]
    peaks = np.frombuffer(studio.ask("GET", f"{at}/peaks?name=evening.wav").data, np.uint8)
    loudest = np.abs(pcm.astype(int)).reshape(-1, RATE // 100).max(1)
    assert np.abs(peaks - loudest * 255 / 32768).max() <= 1

    values = extract(pcm, load(house).features).astype(int)
    assert (about["columns"], about["bands"]) == values.shape
    parts = []
    for number in range(-(-len(values) // evening_wav["tile"])):
        where = f"name=evening.wav&picture={about['picture']}&level=0&tile={number}"
        data = studio.ask("GET", f"{at}/tile?{where}").data
        parts.append(np.frombuffer(data[4:], np.uint8).reshape(-1, about["bands"]))
    drawn = np.concatenate(parts).astype(int)
    # the same order, in steps of one size
    least = {d: values[drawn == d].min() for d in range(1, 256) if (drawn == d).any()}
    most = {d: values[drawn == d].max() for d in range(0, 255) if (drawn == d).any()}
    assert all(most[d] < least[d + 1] for d in most if d + 1 in least)
    within = (drawn > 0) & (drawn < 255)
    scale, offset = np.polyfit(values[within], drawn[within], 1)
    assert np.abs(values * scale + offset - drawn)[within].max() < 2.5
    where = f"name=evening.wav&picture={about['picture']}&level=1&tile=0"
    pooled = np.frombuffer(studio.ask("GET", f"{at}/tile?{where}").data[4:], np.uint8)
    pooled = pooled.reshape(-1, about["bands"])
    assert (pooled[:100] == drawn[:400].reshape(100, 4, -1).max(1)).all()


def test_pictures_of_parts_are_those_of_the_whole(house, monkeypatch, tmp_path):
    """A long recording is computed in parts; the front end hears the sound before each."""
    front_end = load(house).features
    pcm = (8000 * evening()).astype(np.int16)
    (tmp_path / "x.wav").write_bytes(wav(pcm))
    made = []
    monkeypatch.setattr(recordings, "TILE", 16)
    for chunk in (3, 1000):
        monkeypatch.setattr(recordings, "_CHUNK_S", chunk)
        work = tmp_path / str(chunk)
        work.mkdir()
        recordings._draw(recordings.Sound.of(tmp_path / "x.wav"), front_end, work)
        made.append(sorted((f.name, f.read_bytes()) for f in work.iterdir()))
    assert made[0] == made[1] and len(made[0]) > 4


def test_labels_come_back_as_saved_and_two_tabs_lose_nothing(studio, house, evening_wav):
    path = "/p/house/recordings/labels?name=evening.wav"
    labels = [
        {"start": 5.0, "end": 5.6, "label": "high"},
        {"start": 2.0, "end": 2.6, "label": "low", "low": 600.0, "high": 800.0},
    ]
    version = opened(studio, "evening.wav")["version"]
    new = studio.ask("PUT", path, {"labels": labels, "version": version}).json()["version"]
    track, problems = read_track(house / "recordings" / "evening.txt")
    assert not problems and [(x.start, x.label) for x in track] == [(2.0, "low"), (5.0, "high")]
    other = studio.ask("PUT", path, {"labels": [], "version": version})
    assert other.status == 400 and "another tab" in other.json()["error"]
    back = opened(studio, "evening.wav")
    assert back["version"] == new and back["labels"][0]["low"] == 600.0
    text = studio.ask("GET", "/p/house/recordings/track?name=evening.wav").data
    assert text == (house / "recordings" / "evening.txt").read_bytes()
    table = b"start,end,label\n9.5,10.1,low\n99,100,low\n"
    read = studio.ask("POST", "/p/house/recordings/track?name=evening.wav&file=x.csv", table).json()
    assert [x["start"] for x in read["labels"]] == [9.5] and "99" in read["problems"][0]
    for bad in (
        {"start": 1, "end": 0, "label": "x"},
        {"start": 0, "end": 1, "label": " "},
        {"start": 0, "end": 1, "label": "a\tb\n1\t2\tc"},
        {"start": 0, "end": 1e12, "label": "x"},
    ):
        assert studio.ask("PUT", path, {"labels": [bad], "version": new}).status == 400
    track = house / "recordings" / "evening.txt"
    track.write_text("1.0\t2.0\tlow\nwindow was open from 9 on\n")
    about = studio.get("/p/house/recordings/about?name=evening.wav")
    assert len(about["labels"]) == 1 and "passed over" in about["problems"][0]
    wish = {"labels": [], "version": about["version"]}
    assert studio.ask("PUT", path, wish).status == 200
    kept = track.with_name("evening.before.txt")  # a user's notes are not lost
    assert "window was open" in kept.read_text() and track.read_text() == ""
    kept.unlink()
    track.unlink()


HOSTILE = (
    "../spec.toml",
    "..%2fspec.toml",
    "..%5cspec.wav",
    "/etc/passwd",
    "x%00.wav",
    "%ff.wav",
    "\u202e.wav",
    "away.wav",
    ".hidden.wav",
    "none.wav",
    "",
    ".",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_lead_nowhere_else(studio, house, evening_wav, tmp_path, name):
    (tmp_path / "secret.wav").write_bytes(wav(evening()))
    link = house / "recordings" / "away.wav"
    if not link.is_symlink():
        link.symlink_to(tmp_path / "secret.wav")
    at, plain = "/p/house/recordings", name.replace("%2f", "/").replace("%5c", "\\")
    from urllib.parse import quote

    asked = name if "%" in name else quote(name)
    for what in ("about", "peaks", "sound", "track", "tile"):
        more = "&picture=..&level=0&tile=0" if what == "tile" else ""
        answer = studio.ask("GET", f"{at}/{what}?name={asked}{more}")
        assert answer.status == 400 and answer.json()["error"], answer.data
    good = f"{at}/tile?name=evening.wav&level=0&tile=0&picture="
    for picture in ("", "..", "%2e%2e", "x%00", "0" * 16):
        assert studio.ask("GET", good + picture).status == 400
    for what in ("open", "suggest", "cut"):
        answer = studio.ask("POST", f"{at}/{what}", {"name": plain})
        if answer.status == 200:  # the job refuses it
            assert studio.job("house", answer.json().get("job") or answer.json())["state"] != "done"
    wish = {"labels": [{"start": 0, "end": 1, "label": "x"}], "version": ""}
    assert studio.ask("PUT", f"{at}/labels?name={asked}", wish).status == 400
    before = {p.name for p in house.rglob("*") if ".studio" not in p.parts}
    if put(studio, asked, b"RIFF").status == 200:  # kept below recordings, under a plain name
        new = {p for p in house.rglob("*") if ".studio" not in p.parts and p.name not in before}
        (made,) = new
        assert made.parent == house / "recordings" and made.name[0] != "."
        made.unlink()
    link.unlink(missing_ok=True)


def test_what_is_no_sound_is_told_in_a_line(studio, house):
    assert put(studio, "x.exe", b"MZ").status == 400
    for name, data in (("noise.mp3", bytes(3000)), ("empty.flac", b""), ("cut.wav", b"RIFF\x10")):
        assert put(studio, name, data).status == 200
        job = studio.job("house", studio.post("/p/house/recordings/open", {"name": name})["job"])
        assert job["state"] == "failed" and name in job["message"] and "\n" not in job["message"]
        (house / "recordings" / name).unlink()
    kept = house / ".studio" / "recordings"
    assert not [f for f in kept.iterdir() if f.name.startswith(".")]


@pytest.mark.slow
def test_the_model_suggests_what_it_detects(studio, tmp_path):
    alarm = studio.home / "alarm"
    alarm.mkdir()
    for file in ("spec.toml", "fire_alarm.tflite"):
        shutil.copy(MODELS / "fire_alarm" / file, alarm)
    t = np.arange(16 * RATE) / RATE
    on = (t > 6) & (t < 12) & (((t - 6) % 4) < 2.5) & ((((t - 6) % 4) % 1) < 0.5)
    sound = 0.4 * np.sin(2 * np.pi * 3100 * t) * on
    sound += 0.002 * np.random.default_rng(1).standard_normal(len(t))
    assert put(studio, "kitchen.wav", wav(sound), "alarm").status == 200
    opened(studio, "kitchen.wav", "alarm")
    Chain(alarm / "fire_alarm.tflite")  # compiles it, which a busy machine does slowly
    wish = {"name": "kitchen.wav", "by": "model"}
    job = studio.job("alarm", studio.post("/p/alarm/recordings/suggest", wish))
    assert job["state"] == "done", job
    found = job["result"]["suggestions"]
    assert found and all(f["label"] == "fire_alarm" and f["score"] > 0.3 for f in found)
    assert all(5.5 < f["start"] < f["end"] < 13.5 for f in found)
    shutil.rmtree(alarm)


@pytest.mark.slow
def test_from_a_dropped_recording_to_clips_in_the_browser(studio, browser, tmp_path):
    studio.post("/projects", {"name": "den", "hear": "low, high", "kind": "sound"})
    den = studio.home / "den"
    file = tmp_path / "evening.wav"
    file.write_bytes(wav(evening()))
    track = den / "recordings" / "evening.txt"

    def labels():
        page.locator("#labels ~ [role=status]", has_text="saved").wait_for()
        return read_track(track)[0]

    with page_of(browser, studio.link) as page:
        page.goto(studio.origin + "/#/den/label")
        page.get_by_text("No recordings yet").wait_for()
        assert serious(page) == []
        page.get_by_label("Choose a recording").set_input_files(file)
        picture = page.locator("#timeline .wave > div")
        picture.wait_for()
        page.get_by_text("0:00.0 / 0:20.0").wait_for()

        # a label drawn by hand, moved by its edge, named by a key, and undone
        box = page.locator("#timeline").bounding_box()

        def x(seconds):
            return box["x"] + box["width"] * seconds / SECONDS

        def drag(start, stop, y=100):
            page.mouse.move(x(start), box["y"] + y)
            page.mouse.down()
            page.mouse.move(x((start + stop) / 2), box["y"] + y, steps=4)
            page.mouse.move(x(stop), box["y"] + y, steps=4)
            page.mouse.up()

        drag(16, 18)
        page.get_by_role("heading", name="1 label").wait_for()
        page.keyboard.press("3")
        (drawn,) = labels()
        assert drawn.label == "high"
        assert (drawn.start, drawn.end) == (
            pytest.approx(16, abs=0.15),
            pytest.approx(18, abs=0.15),
        )
        page.wait_for_timeout(300)  # wavesurfer swallows clicks for a moment after a drag
        drag(17.98, 19)  # its right edge
        page.get_by_label("End of 0:1").first.wait_for()
        page.wait_for_function("document.querySelectorAll('.mark input')[1].value > 18.5")
        assert labels()[0].end == pytest.approx(19, abs=0.15)
        page.wait_for_timeout(300)
        drag(17, 16)  # its middle
        page.wait_for_function("document.querySelectorAll('.mark input')[1].value < 18.5")
        moved = labels()[0]
        assert moved.end - moved.start == pytest.approx(3, abs=0.3)
        page.keyboard.press("Control+z")
        page.wait_for_function("document.querySelectorAll('.mark input')[1].value > 18.5")
        page.keyboard.press("Delete")
        page.get_by_text("No labels yet").wait_for()

        # suggestions, taken by keys alone
        page.get_by_role("button", name="Find loud sounds").click()
        page.get_by_text("4 suggestions").wait_for()
        for key in "2323":
            page.keyboard.press(key)
        page.get_by_role("heading", name="4 labels").wait_for()
        found = labels()
        assert [x.label for x in found] == ["low", "high", "low", "high"]
        for label, start in zip(found, STARTS, strict=True):
            assert label.start == pytest.approx(start, abs=0.08)
            assert label.end == pytest.approx(start + BEEP_S, abs=0.08)
        assert serious(page) == []

        # labels of another program
        (tmp_path / "more.txt").write_text("17.0\t17.5\tlow\n")
        page.get_by_label("Read a label file").set_input_files(tmp_path / "more.txt")
        page.get_by_role("heading", name="5 labels").wait_for()
        page.locator(".mark").last.get_by_role("button", name="Delete low").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save for Audacity").click()
        assert len(read_track(saved.value.path())[0]) == 4

        # clips
        page.get_by_role("button", name="Cut 4 labels").click()
        page.get_by_text("4 clips are in the dataset: 2 low, 2 high").wait_for()
        page.get_by_role("button", name="Cut 4 labels").click()
        page.get_by_text("4 were cut before").wait_for()
        rows = metadata.load(den / "dataset").rows
        assert sorted(row.label for row in rows) == ["high", "high", "low", "low"]
        heard, rate = soundfile.read(den / "dataset" / rows[1].file)
        loudest = np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard)
        assert loudest == pytest.approx(1200 if rows[1].label == "high" else 700, abs=4)

        page.reload()  # labels and picture are there again
        page.get_by_role("heading", name="4 labels").wait_for()
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert serious(page) == []
