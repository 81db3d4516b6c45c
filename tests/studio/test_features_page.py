"""The Features page shows what the commands compute and writes what they read."""

import base64
import re

import numpy as np
import pytest

from otolith.audio import RATE, read_pcm
from otolith.compile import analyse_model
from otolith.device.boards import named
from otolith.features import extract
from otolith.paths import MODELS
from otolith.settings.features import FRONT_ENDS, kind_named, preset
from otolith.settings.fields import about, settings_of
from otolith.settings.front_ends.logmel import Fe
from otolith.settings.spec import load
from otolith.settings.toml import with_section
from otolith.summarize.realtime import estimate, frame_cost
from otolith.untrusted import load_toml
from support.browser import NARROW, page_of, serious
from support.studio import wav


def tone():
    t = np.arange(round(1.2 * RATE)) / RATE
    sound = 0.3 * np.sin(2 * np.pi * 900 * t) * ((t > 0.3) & (t < 0.8))
    return sound + 0.002 * np.random.default_rng(2).standard_normal(len(t))


@pytest.fixture(scope="module")
def door(studio):
    studio.post("/projects", {"name": "door", "hear": "ring"})
    upload = studio.post("/p/door/uploads")["upload"]
    noise = 0.01 * np.random.default_rng(3).standard_normal(2 * RATE)
    for name, sound in (("ring/1", tone()), ("background/1", noise)):
        studio.ask("PUT", f"/p/door/uploads/{upload}/{name}.wav", wav(sound))
    job = studio.job("door", studio.post("/p/door/import", {"upload": upload}))
    assert job["state"] == "done", job
    return studio.home / "door"


@pytest.fixture(scope="module")
def clip(studio, door):
    clips = studio.get("/p/door/clips")["clips"]
    return next(c["file"] for c in clips if c["label"] == "ring")


def drawn(text):
    data = base64.b64decode(text)
    frames, bands = np.frombuffer(data[:4], "<u2")
    return np.frombuffer(data[4:], np.uint8).reshape(frames, bands)


def test_every_setting_of_every_front_end_is_shown_with_its_text(studio, door):
    kinds = studio.get("/p/door/features")["kinds"]
    assert set(kinds) == set(FRONT_ENDS)
    for kind, shown in kinds.items():
        cls = kind_named(kind)
        wanted = {n for n, f in settings_of(cls).items() if about(f).in_spec} - {"fe"}
        if kind == "logmel":
            wanted |= {f"fe.{name}" for name in settings_of(Fe)}
        assert {knob["key"] for knob in shown} == wanted
        assert all(knob["text"] and knob["group"] != "Others" for knob in shown)


@pytest.mark.parametrize("name", ["micro_speech", "on_off", "keyword", "streaming_wakeword"])
def test_the_picture_is_the_chips_and_the_cost_that_of_the_estimate(studio, door, clip, name):
    all_ = studio.get("/p/door/features")
    wish = {"features": all_["presets"][name], "board": "pico", "file": clip}
    seen = studio.post("/p/door/features/look", wish)
    assert seen["problem"] == "" and seen["settings"] == all_["presets"][name]
    front_end = preset(name)
    values = extract(read_pcm(door / "dataset" / clip), front_end).astype(int)
    low, high = values.min(), values.max()
    assert (drawn(seen["picture"]) == (values - low) * 255 // max(1, high - low)).all()
    assert seen["cost_ms"] == pytest.approx(frame_cost(front_end, named("pico")).ms)


def test_the_cost_of_a_frame_is_part_of_what_host_summarize_says():
    spec = load(MODELS / "fire_alarm")
    tflite = (MODELS / "fire_alarm" / "fire_alarm.tflite").read_bytes()
    whole = estimate(analyse_model(tflite, "fire_alarm"), named("pico"))
    low, high = frame_cost(spec.features, named("pico")).ms
    assert low == high == pytest.approx(whole.features_ms / spec.deploy.hop_frames)


def test_wrong_settings_are_told_in_words(studio, door, clip):
    at = "/p/door/features"
    now = studio.get(at)["presets"]["micro_speech"]
    for key, value in (
        ("hop", 5000),
        ("bands", 200),
        ("fe.filterbank_lower_band_limit", 7900.0),
        ("fe.pcan_strength", float("1e30")),
        ("fe.noise_reduction_enable", "yes"),
        ("kind", "../x"),
        ("fe.nothing", 1),
    ):
        wish = {"features": {**now, key: value}, "board": "pico", "file": clip}
        seen = studio.post(at + "/look", wish)
        assert seen["problem"] and "picture" not in seen, key
        assert studio.ask("POST", at + "/use", {"features": wish["features"]}).status == 400
    for file in ("../spec.toml", "/etc/passwd", "x\0.wav", "\u202e"):
        wish = {"features": now, "board": "pico", "file": file}
        assert studio.ask("POST", at + "/look", wish).status == 400
        assert studio.ask("POST", at + "/augment", {**wish, "board": None}).status == 400
    assert studio.ask("POST", at + "/look", {"features": now, "board": "none"}).status == 400


def test_limits_of_the_bands_come_from_the_clips(studio, door, clip):
    now = {**studio.get("/p/door/features")["presets"]["keyword"], "bands": 13}
    wish = {"features": {**now, "minimum": [], "maximum": []}, "board": "pico", "file": clip}
    found = studio.post("/p/door/features/look", wish)["settings"]
    assert len(found["minimum"]) == len(found["maximum"]) == 13
    assert all(low < high for low, high in zip(found["minimum"], found["maximum"], strict=True))


def test_settings_are_written_into_the_spec_and_come_back(studio, door):
    file = door / "spec.toml"
    before = file.read_text()
    wish = studio.get("/p/door/features")["presets"]["on_off"]
    undo = studio.post("/p/door/features/use", {"features": wish})["undo"]
    assert load(door).features == preset("on_off")
    old, new = load_toml(before), load_toml(file.read_text())
    assert {k: v for k, v in old.items() if k != "features"} == {
        k: v for k, v in new.items() if k != "features"
    }
    assert studio.get("/p/door/features")["now"] == wish
    studio.post("/p/door/features/back", {"id": undo})
    assert file.read_text() == before
    for id in (undo, "../../x", ""):
        assert studio.ask("POST", "/p/door/features/back", {"id": id}).status == 400


def test_a_section_is_replaced_and_the_rest_stays():
    old = '[f] # old\nk = """\n[g]\n"""\n[f.fe]\ny = 2\n'
    text = f"# top\n[a]\nx = 1 # one\n\n{old}\n# about b\n[b]\nz = 3\n"
    new = with_section(text, "f", {"kind": 'q"', "fe": {"p": True, "r": [1, 2.5]}})
    assert new.startswith("# top\n[a]\nx = 1 # one\n\n[f]\n") and new.endswith(
        "# about b\n[b]\nz = 3\n"
    )
    assert load_toml(new) == {
        "a": {"x": 1},
        "f": {"kind": 'q"', "fe": {"p": True, "r": [1, 2.5]}},
        "b": {"z": 3},
    }
    assert load_toml(with_section("x = 1\n", "f", {"k": 1})) == {"x": 1, "f": {"k": 1}}


@pytest.mark.parametrize("names", [[], ["gain"], ["background"], ["time_mask"]])
def test_augmentations_are_those_of_training(studio, door, clip, names):
    now = studio.get("/p/door/features")["now"]
    wish = {"features": now, "file": clip, "names": names, "seed": 5}
    made = studio.post("/p/door/features/augment", wish)
    assert made == studio.post("/p/door/features/augment", wish)
    shapes = {drawn(made[part]["picture"]).shape for part in ("before", "after")}
    assert shapes == {(now["frames"], now["bands"])}
    if names:
        assert made["title"].startswith(f"ring: {names[0]}")
    if names == ["gain"]:
        pair = [base64.b64decode(made[p]["sound"])[44:] for p in ("before", "after")]
        before, after = (np.frombuffer(p, "<i2").astype(float) for p in pair)
        gain = 20 * np.log10(np.std(after) / np.std(before))
        drawn_db = float(made["title"].split("gain_db ")[1].split(")")[0].split(",")[0])
        assert gain == pytest.approx(drawn_db, abs=0.1)


def test_a_slider_moves_the_picture_and_the_cost(studio, browser, door):
    before = (door / "spec.toml").read_text()
    with page_of(browser, studio.link) as page:
        page.goto(studio.origin + "/#/door/features")
        page.get_by_text("ms a frame").wait_for()
        page.get_by_label("Start settings from").select_option("micro_speech")
        cost = page.locator(".cost")
        page.get_by_text(re.compile("49 . 40 values")).wait_for()
        old = cost.inner_text()
        page.get_by_label("bands", exact=True).fill("20")
        page.get_by_text(re.compile("49 . 20 values")).wait_for()
        assert cost.inner_text() != old
        height = page.locator("#seen-0").evaluate("c => c.height")
        assert height == 20
        page.get_by_label("hop, as a number").fill("5000")
        page.keyboard.press("Enter")
        page.get_by_role("alert").get_by_text("hop").wait_for()
        page.get_by_label("hop, as a number").fill("320")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Compare with another").click()
        page.get_by_label("bands, B", exact=True).fill("30")
        page.get_by_text(re.compile("49 . 30 values")).wait_for()
        assert page.locator("#seen-0").evaluate("c => c.height") == 20
        page.get_by_role("button", name="Draw", exact=True).click()
        page.get_by_role("button", name="Play after").click()
        assert serious(page) == []
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        page.get_by_role("button", name="Use these settings").first.click()
        page.get_by_text("spec.toml has these settings now").wait_for()
        assert load(door).features.bands == 20
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("spec.toml is as it was").wait_for()
    assert (door / "spec.toml").read_text() == before
