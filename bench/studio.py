"""Studio with much to show: 10,000 clips on the Sounds page, an hour on the Label page.

    python bench/studio.py              everything, with Chromium
    python bench/studio.py clips        only the list of clips
    python bench/studio.py hour         only the recording

The server is a process of its own, as `host studio` starts it. Its memory is the largest resident
set that the kernel has seen (VmHWM). Wall times depend on what else the computer does, so the CPU
seconds of the server's process and of its jobs stand beside them.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from otolith.audio import RATE
from otolith.audio.wav import WavWriter, write_wav
from otolith.data import metadata

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.browser import chromium, page_of

CLIPS = 10_000
RESULTS = Path(__file__).parent / "results" / "studio.txt"
SPEC = '[model]\nname = "many"\nclasses = ["background", "ring", "knock"]\n'
# Scrolls the list to its end in steps of one frame; gives the time between frames in ms.
SCROLL = """async () => {
  const box = document.querySelector(".clips");
  const gaps = [];
  let last = performance.now();
  for (let n = 1; n <= 240; n++) {
    box.scrollTop = (box.scrollHeight - box.clientHeight) * n / 240;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""


def project(home: Path) -> Path:
    folder = home / "many"
    (folder / "dataset").mkdir(parents=True)
    (folder / "spec.toml").write_text(SPEC)
    return folder


def fill(dataset: Path) -> None:
    """10,000 clips of a second: tones of 200 pitches in noise, each file its own samples."""
    rng = np.random.default_rng(1)
    t = np.arange(RATE) / RATE
    noise = rng.normal(0, 200, 3 * RATE)
    tones = [3000 * np.sin(2 * np.pi * (200 + 20 * n) * t) for n in range(200)]
    rows = metadata.Metadata()
    for label in ("background", "ring", "knock"):
        (dataset / label).mkdir()
    for number in range(CLIPS):
        label = ("background", "ring", "knock")[number % 3]
        pcm = tones[number % 200] + noise[number : number + RATE]
        file = f"{label}/{number:05}.wav"
        write_wav(dataset / file, pcm.astype(np.int16))
        set_ = metadata.SETS[number % 10 % 3]
        row = metadata.Row(file, label, set_, speaker=f"p{number % 40}", source=f"s{number % 400}")
        rows.rows.append(row)
    rows.save(dataset)


def hour(file: Path) -> None:
    """An hour of noise with a tone of half a second every nine seconds, 16 kHz."""
    rng = np.random.default_rng(1)
    tone = 8000 * np.sin(2 * np.pi * 900 * np.arange(RATE // 2) / RATE)
    file.parent.mkdir(exist_ok=True)
    writer = WavWriter(file, sync=False)
    for _ in range(400):
        pcm = rng.normal(0, 100, 9 * RATE)
        pcm[RATE : RATE + len(tone)] += tone
        writer.write(pcm.astype(np.int16))
    writer.close()


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, int]]:
    """`host studio` in a process of its own: its link and its process."""
    program = [sys.executable, "-m", "otolith", "studio", str(home), "--no-browser"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        link = next(line.strip() for line in process.stdout if line.startswith("http"))
        try:
            yield link, process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def peak_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(f) for f in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def page_clock(page: Page) -> Callable[[], float]:
    """Gives the CPU seconds of the page's own thread so far: scripts, layout, painting."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def read() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "ThreadTime")

    return read


def quiet_ms(page: Page, page_cpu_s: Callable[[], float]) -> str:
    base = page_cpu_s()
    gaps = sorted(page.evaluate(SCROLL))
    over = sum(g > 50 for g in gaps)
    each = 1000 * (page_cpu_s() - base) / len(gaps)
    return (
        f"median {gaps[len(gaps) // 2]:.0f} ms, 95 % {gaps[int(0.95 * len(gaps))]:.0f} ms between "
        f"frames, {over} of {len(gaps)} above 50 ms; {each:.1f} ms CPU of the page a frame"
    )


def clips(browser: Browser) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        fill(project(Path(name)) / "dataset")
        with serving(Path(name)) as (link, pid), page_of(browser, link) as page:
            page.get_by_role("heading", name="Open a project").wait_for()
            origin, base = link.partition("/?")[0], cpu_s(pid)
            page_cpu_s = page_clock(page)
            page_base, started = page_cpu_s(), time.monotonic()
            page.goto(f"{origin}/#/many/sounds")
            page.locator(".clip").first.wait_for()
            rows = time.monotonic() - started
            cpu, page_cpu = cpu_s(pid) - base, page_cpu_s() - page_base
            drawn = page.locator(".clip").count()
            scrolled = quiet_ms(page, page_cpu_s)
            page.wait_for_timeout(8000)  # the check of all clips, thumbnails
            return [
                f"{CLIPS} clips: first rows after {rows:.2f} s ({cpu:.2f} s CPU of the server, "
                f"{page_cpu:.2f} s of the page)",
                f"{CLIPS} clips: {drawn} rows drawn; scrolled through in 240 steps: {scrolled}",
                f"{CLIPS} clips: server at most {peak_mb(pid):.0f} MB, check and thumbnails too",
            ]


def long(browser: Browser) -> list[str]:
    lines = []
    with tempfile.TemporaryDirectory() as name:
        hour(project(Path(name)) / "recordings" / "evening.wav")
        with serving(Path(name)) as (link, pid):
            origin = link.partition("/?")[0]
            for turn in ("first", "second"):
                with page_of(browser, link) as page:
                    page.get_by_role("heading", name="Open a project").wait_for()
                    base, started = cpu_s(pid), time.monotonic()
                    page.goto(f"{origin}/#/many/label")
                    page.get_by_text("/ 1:00:00.0").wait_for(timeout=300_000)
                    page.wait_for_function(
                        "() => { const c = document.querySelector('.timeline .chip');"
                        "const d = c && c.width > 300 && "
                        "c.getContext('2d').getImageData(c.width / 2, 50, 40, 40).data;"
                        "return d && d.some((v, i) => i % 4 === 3 && v) }",
                        timeout=300_000,
                    )
                    wall = time.monotonic() - started
                    page.evaluate(
                        "fetch('/api/p/many/jobs').then((r) => r.text())"
                    )  # reaps the job
                    cpu = cpu_s(pid) - base
                    lines.append(
                        f"an hour, opened for the {turn} time: waveform and spectrogram after "
                        f"{wall:.2f} s ({cpu:.2f} s CPU of the server and its job)"
                    )
            lines.append(f"an hour: server at most {peak_mb(pid):.0f} MB")
    return lines


def main(what: str) -> None:
    lines: list[str] = []
    with chromium() as browser:
        for name, measure in (("clips", clips), ("hour", long)):
            if what in ("", name):
                lines += measure(browser)
                print("\n".join(lines), flush=True)
    load = os.getloadavg()[0]
    head = (
        "$ python bench/studio.py: the Studio with much to show\n"
        f"{os.cpu_count()} cores; other work kept {load:.0f} processes waiting for them meanwhile\n"
    )
    text = "\n".join([head, *lines, ""])
    print(text)
    if not what:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
