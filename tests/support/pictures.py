"""`make pictures`: screenshots of Studio's pages for the docs, at both widths, light and dark.

    PYTHONPATH=tests .venv/bin/python -m support.pictures build/pictures [PAGE...]

STUDIO_HOME names a folder of projects that is kept, so that a second call trains nothing.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from playwright.sync_api import Page

from support.browser import NARROW, WIDE, chromium, page_of
from support.studio import RATE, Running, running, wav

LIMIT_MS = 300_000  # of any wait: it builds and emulates
TRAIN = "\n[train]\nupdates = 200\nmine = 0\n"


def microphone(file: Path) -> None:
    """What the browser's microphone hears: a tone that goes on and off, in faint noise."""
    t = np.arange(4 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 700 * t) * (np.sin(2 * np.pi * 0.5 * t) > 0.6)
    file.write_bytes(wav(tone + 0.003 * np.random.default_rng(1).standard_normal(len(t))))


def takes(rng: np.random.Generator, count: int, names: tuple[str, ...] = ("ring", "knock")):
    """Takes of two sounds, each a little different, and rooms: (path, WAV file)."""
    t = np.arange(round(1.2 * RATE)) / RATE
    for number in range(count):
        for name in names:
            level, at = rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.4)
            on = (t > at) & (t < at + 0.4)
            heard = level * on * np.sin(2 * np.pi * rng.uniform(690, 710) * t)
            if name == "knock":
                fading = np.exp(-40 * np.clip(t - at, 0, None))
                heard = 0.8 * on * fading * rng.uniform(-1, 1, len(t))
            yield f"{name}/{number}.wav", wav(heard + rng.normal(0, 0.003, len(t)))
        yield f"background/{number}.wav", wav(rng.normal(0, 10 ** rng.uniform(-3, -1.5), 4 * RATE))


def project(studio: Running, name: str, hear: str, train: str, count: int) -> None:
    """A project with takes."""
    studio.post("/projects", {"name": name, "hear": hear})
    spec = studio.home / name / "spec.toml"
    spec.write_text(spec.read_text() + train)
    upload = studio.post(f"/p/{name}/uploads")["upload"]
    wanted = tuple(part.strip() for part in hear.split(","))
    for path, data in takes(np.random.default_rng(3), count, wanted):
        studio.ask("PUT", f"/p/{name}/uploads/{upload}/{path}", data)
    job = studio.job(name, studio.post(f"/p/{name}/import", {"upload": upload}))
    assert job["state"] == "done", job


def recording(studio: Running, name: str, seconds: int = 120) -> None:
    """A long recording in a project: rings and knocks, the first ones labelled."""
    rng = np.random.default_rng(7)
    heard = 0.002 * rng.standard_normal(seconds * RATE)
    lines = []
    sounds = takes(rng, 1 + seconds // 12)
    for number, (path, data) in enumerate((p, d) for p, d in sounds if "background" not in p):
        sound, _ = soundfile.read(io.BytesIO(data))
        at = 2.0 + 5.5 * number + rng.uniform(0, 2)
        place = heard[round(at * RATE) :][: len(sound)]
        place += sound[: len(place)]
        if number < 6:
            lines.append(f"{at + 0.2:.3f}\t{at + 0.8:.3f}\t{path.split('/')[0]}\n")
    at = studio.home / name / "recordings"
    at.mkdir(exist_ok=True)
    (at / "hallway.wav").write_bytes(wav(heard))
    (at / "hallway.txt").write_text("".join(lines))


def shoot(page: Page, folder: Path, name: str) -> None:
    """Pictures at each width, light and dark."""
    page.wait_for_timeout(600)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        for size, suffix in ((NARROW, "narrow"), (WIDE, "wide")):
            page.set_viewport_size(size)
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(300)
            file = f"studio-{name}-{suffix}{'-dark' if scheme == 'dark' else ''}.png"
            page.screenshot(path=folder / file, full_page=suffix == "narrow")
            with Image.open(folder / file) as picture:  # a spectrogram has many colours
                picture.convert("RGB").quantize(255).save(folder / file, optimize=True)


def start(page: Page) -> None:
    page.get_by_role("heading", name="Open a project").wait_for()


def sounds(page: Page) -> None:
    page.get_by_role("button", name="Record ring").click()


def label(page: Page) -> None:
    page.get_by_role("heading", name="6 labels").wait_for()
    page.get_by_role("button", name="Find loud sounds").click()
    page.get_by_text("dashed in the picture").wait_for()
    page.wait_for_timeout(1500)  # until all tiles are there


def features(page: Page) -> None:
    page.get_by_role("button", name="Compare with another").click()
    page.wait_for_timeout(1500)  # until all pictures are there


def train(page: Page) -> None:
    page.get_by_role("heading", name="Trained", exact=True).wait_for()
    compare = page.get_by_role("button", name="Compare sizes on the board")
    if compare.count():  # else an earlier call has computed them
        compare.click()
    page.get_by_role("radio").first.wait_for()


def judge(page: Page) -> None:
    page.get_by_role("button", name=re.compile("clips? of ring, heard as")).first.click()
    page.locator(".seen").first.wait_for()
    page.wait_for_timeout(1500)  # until all pictures are there


def live(page: Page) -> None:
    page.get_by_role("button", name="Start listening").click()
    page.get_by_role("button", name="That was wrong").first.wait_for()
    page.wait_for_timeout(8000)  # until the picture is full


def board(page: Page) -> None:
    page.get_by_role("button", name="virtual board").click()
    page.get_by_text("sounds as they should be").wait_for()


# page -> brings it into the state of the picture
PAGES = {
    "start": start,
    "sounds": sounds,
    "label": label,
    "features": features,
    "train": train,
    "judge": judge,
    "live": live,
    "board": board,
}


def main(folder: Path, wanted: list[str], home: Path | None = None) -> None:
    """Take pictures.

    Args:
        folder: Where they go.
        wanted: Keys of PAGES; empty: all.
        home: Folder with projects of an earlier call, so that nothing is trained again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp())
    home = home or work / "home"
    home.mkdir(exist_ok=True)
    microphone(work / "heard.wav")
    with running(home) as studio, chromium(work / "heard.wav") as browser:
        if not (home / "doorbell").exists():
            project(studio, "doorbell", "ring, knock", TRAIN, 14)
            recording(studio, "doorbell")
            job = studio.post("/p/doorbell/train")
            while studio.get(f"/p/doorbell/jobs/{job['id']}")["state"] == "running":
                time.sleep(1)
        with page_of(browser, studio.link) as page:
            page.set_default_timeout(LIMIT_MS)
            for name in wanted or PAGES:
                place = "#/" if name == "start" else f"#/doorbell/{name}"
                page.goto(f"{studio.origin}/{place}")
                PAGES[name](page)
                shoot(page, folder, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:], Path(p) if (p := os.environ.get("STUDIO_HOME")) else None)
