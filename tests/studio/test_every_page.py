"""All pages: the keyboard reaches everything, axe-core finds nothing serious, phones show all."""

import json
import re
import shutil

import numpy as np
import pytest

from otolith.device.transports import Port
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.studio.areas import board
from support.browser import NARROW, WIDE, done, page_of, serious
from support.studio import RATE, wav

# Visible things that react to keys, apart from radio buttons that are not chosen: arrows go there.
PRESSED = """() => {
  const all = document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']");
  const name = (e) => e.getAttribute("aria-label") || e.innerText || e.outerHTML;
  window.left = new Map();
  window.unseen = [];
  for (const e of all) {
    const chosen = e.type === "radio" && document.querySelector(`[name="${e.name}"]:checked`);
    if (e.disabled || !e.checkVisibility() || (chosen && chosen !== e)) continue;
    window.left.set(e, name(e));
  }
  document.activeElement?.blur();
  document.addEventListener("focusin", (event) => {
    window.left.delete(event.target);
    const target = event.composedPath()[0]; // in a shadow tree
    const box = target.closest(".button") ?? target;
    const { outlineStyle } = getComputedStyle(box);
    if (outlineStyle === "none") window.unseen.push(name(target));
  });
  return window.left.size;
}"""


@pytest.fixture(scope="module")
def alarm(studio):
    """A project with a trained network, a clip in each set and class, and a recording."""
    folder = studio.home / "alarm"
    shutil.copytree(MODELS / "fire_alarm", folder)
    t = np.arange(5 * RATE) / RATE
    upload = studio.post("/p/alarm/uploads")["upload"]
    for number, name in enumerate(("train", "validate", "test")):
        noise = np.random.default_rng(number).normal(0, 0.01, len(t))
        beeps = 0.3 * np.sin(2 * np.pi * 3100 * t) * (t % 1 < 0.5)
        for label, sound in (("fire_alarm", beeps), ("background", 0)):
            at = f"/p/alarm/uploads/{upload}/{name}/{label}/{number}.wav"
            assert studio.ask("PUT", at, wav(noise + sound)).status == 200
    job = studio.job("alarm", studio.post("/p/alarm/import", {"upload": upload}))
    assert job["state"] == "done", job
    (folder / "recordings").mkdir()
    (folder / "recordings" / "long.wav").write_bytes(wav(np.tile(beeps + noise, 2)))
    return folder


# page -> text that is there when it has loaded
READY = {
    "": "Open a project",
    "sounds": "6 clips",
    "label": "/ 0:10.0",
    "features": "ms a frame",
    "train": "Size of the network",
    "judge": "false alarms an hour",
    "live": "Start listening",
    "board": "Build and run on the virtual board",
}


@pytest.fixture(scope="module")
def ports():
    """Two boards and another port, for all pages."""
    found = [Port(f"/dev/ttyACM{n}", f"Otolith board {n}", True) for n in (0, 1)]
    found.append(Port("/dev/ttyUSB0", "a cable", False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(board, "serial_ports", lambda: found)
        yield


@pytest.mark.parametrize("name", READY)
def test_keys_reach_everything_and_nothing_is_out_of_sight(studio, alarm, ports, browser, name):
    with page_of(browser, studio.link, reduced_motion="reduce") as page:  # axe sees no transition
        page.goto(f"{studio.origin}/#/{'alarm/' + name if name else ''}")
        page.get_by_text(READY[name]).first.wait_for()
        page.wait_for_load_state("networkidle")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert serious(page) == []
        count = page.evaluate(PRESSED)
        assert count > 8
        for _ in range(count + 40):  # some are in shadow trees
            page.keyboard.press("Tab")
            if not page.evaluate("window.left.size"):
                break
        assert page.evaluate("[...window.left.values()]") == []
        assert page.evaluate("window.unseen") == []
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert serious(page) == []
        page.set_viewport_size(WIDE)
        if name == "board":  # several boards, each with its own buttons
            for port in ("/dev/ttyACM0", "/dev/ttyACM1"):
                assert page.get_by_role("button", name=f"Build and upload: {port}").is_visible()
            assert page.get_by_role("button", name="Serial log of /dev/ttyUSB0").is_visible()
            assert page.get_by_role("button", name="Build and upload: /dev/ttyUSB0").count() == 0


def test_start_offers_boards_ready_models_and_what_is_there(studio, alarm, browser):
    with page_of(browser, studio.link) as page:
        page.get_by_role("button", name="Start from it: fire_alarm").click()
        page.get_by_label("What should it hear?").fill("beep")
        page.get_by_label("Name of the project").fill("alarm")
        page.get_by_role("button", name="Create").click()
        page.get_by_role("alert").filter(has_text="alarm").wait_for()  # the name is taken
        page.get_by_label("Name of the project").fill("mine")
        page.get_by_label("Board that will listen").select_option("pico2")
        page.get_by_role("button", name="Create").click()
        page.get_by_role("heading", name="Sounds").wait_for()
        page.get_by_role("link", name="Otolith Studio").click()
        page.get_by_role("link", name="Try fire_alarm").click()
        page.get_by_role("button", name="Start listening").wait_for()
        assert page.get_by_role("link", name="Train", exact=True).count() == 0  # it learns nothing
        page.go_back()
        page.get_by_role("link", name="mine").click()
        page.get_by_role("heading", name="Sounds").wait_for()
    spec, ready = load(studio.home / "mine"), load(MODELS / "fire_alarm")
    assert spec.deploy.board == "pico2" and spec.model.classes == ("background", "beep")
    assert spec.features == ready.features


def size_of(name, own):
    """A network of the Sizes table. tests/studio/test_walk.py has them computed."""
    return {
        **{"architecture": name, "own": own, "fits": True, "words": "fits", "keeps_up": True},
        **{"flash": 7000, "ram": 17000, "board_flash": 1 << 21, "board_ram": 270336},
        **{"macs": 31376, "ms": [9.2, 9.2], "hop_ms": 128.0},
    }


@pytest.mark.slow
@pytest.mark.timeout(400)  # it loads TensorFlow
def test_a_size_is_chosen_trained_stopped_and_kept(studio, alarm, browser):
    studio.post("/projects", {"name": "door", "hear": "fire_alarm"})
    door = studio.home / "door"
    shutil.copytree(alarm / "dataset", door / "dataset", dirs_exist_ok=True)
    sizes = [size_of("separable_cnn", own=True), size_of("word_cnn_m", own=False)]
    computed = door / ".studio" / "jobs" / "20260101-101010-101010-aaaaaa"
    computed.mkdir(parents=True)
    told = {"kind": "sizes", "started": "2026-01-01T10:10:10+00:00", "options": {}}
    (computed / "job.json").write_text(json.dumps(told))
    result = {"board": "Raspberry Pi Pico", "sizes": sizes}
    end = {"kind": "end", "state": "done", "message": "", "result": result}
    (computed / "events.jsonl").write_text(json.dumps(end) + "\n")
    with page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/door/train")
        row = page.locator("tr", has_text="word_cnn_m")
        assert all(unit in row.inner_text() for unit in ("kB", "ms", "%"))
        page.get_by_role("radio", name="word_cnn_m").check()
        page.get_by_role("button", name="Train", exact=True).click()
        page.locator(".plot canvas").wait_for(timeout=120_000)  # a curve, live
        page.get_by_text(re.compile("(s|min) left")).wait_for(timeout=120_000)
        assert serious(page) == []
        page.get_by_role("button", name="Stop and keep the best").click()
        done(page, "of the test clips are recognised", 120)
        page.locator(".runs", has_text="word_cnn_m").wait_for()
    assert len(list((door / ".studio" / "runs").glob("*.tflite"))) == 1
    assert "word_cnn_m" not in (door / "spec.toml").read_text()  # the spec stays as it was
