"""`make pictures`: screenshots of Studio's pages for the docs, at both widths.

.venv/bin/python -m support.pictures docs/images
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from support.browser import NARROW, WIDE, chromium, page_of
from support.studio import RATE, Running, running, wav

TRAIN = "\n[train]\nupdates = 400\nmine = 0\n"


def microphone(file: Path) -> None:
    """What the browser's microphone hears: a tone that goes on and off, in faint noise."""
    t = np.arange(4 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 700 * t) * (np.sin(2 * np.pi * 0.5 * t) > 0.6)
    file.write_bytes(wav(tone + 0.003 * np.random.default_rng(1).standard_normal(len(t))))


def sounds(rng: np.random.Generator, count: int, names: tuple[str, ...] = ("ring", "knock")):
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
    for path, data in sounds(np.random.default_rng(3), count, wanted):
        studio.ask("PUT", f"/p/{name}/uploads/{upload}/{path}", data)
    job = studio.job(name, studio.post(f"/p/{name}/import", {"upload": upload}))
    assert job["state"] == "done", job


def shoot(page: Page, folder: Path, name: str) -> None:
    """A picture at each width."""
    page.wait_for_timeout(600)
    for size, suffix in ((NARROW, "narrow"), (WIDE, "wide")):
        page.set_viewport_size(size)
        page.wait_for_timeout(300)
        page.screenshot(path=folder / f"studio-{name}-{suffix}.png", full_page=suffix == "narrow")


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp())
    (work / "home").mkdir()
    microphone(work / "heard.wav")
    with running(work / "home") as studio, chromium(work / "heard.wav") as browser:
        project(studio, "doorbell", "ring, knock", TRAIN, 14)
        job = studio.post("/p/doorbell/train")
        with page_of(browser, studio.link) as page:
            page.get_by_role("heading", name="Open a project").wait_for()
            shoot(page, folder, "start")
            page.goto(studio.origin + "/#/doorbell/sounds")
            page.get_by_role("button", name="Record ring").click()
            shoot(page, folder, "sounds")
            page.goto(studio.origin + "/#/doorbell/train")
            page.get_by_role("heading", name="Trained", exact=True).wait_for(timeout=900_000)
            shoot(page, folder, "train")
            page.goto(studio.origin + "/#/doorbell/judge")
            cell = page.get_by_role("button", name="clips of ring, heard as").first
            cell.wait_for(timeout=300_000)
            cell.click()
            shoot(page, folder, "judge")
            page.goto(studio.origin + "/#/doorbell/live")
            page.get_by_role("button", name="Start listening").click()
            page.get_by_text("Scores").wait_for(timeout=300_000)
            page.wait_for_timeout(9000)
            shoot(page, folder, "live")
            page.goto(studio.origin + "/#/doorbell/board")
            page.get_by_role("button", name="virtual board").click()
            page.get_by_text("sounds as they should be").wait_for(timeout=900_000)
            shoot(page, folder, "board")
        assert studio.job("doorbell", job)["state"] == "done"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
