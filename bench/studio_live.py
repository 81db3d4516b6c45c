"""How long after a sound the Live page of Studio shows it.

    PYTHONPATH=tests python bench/studio_live.py > bench/results/studio_live.txt     # a minute

The whole loop: a burst of noise goes into PulseAudio's microphone at a known time; Chromium, the
worklet, the WebSocket, the chip's chain and the page follow. A script in the page notes the time of
the first frame in which the level and a class's bar have moved. Both clocks are this computer's.
"""

import fcntl
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from support import small_models
from support.browser import chromium, page_of
from support.sound_server import SoundServer
from support.studio import RATE, running

BURSTS = 20
STEP_S = 0.01
F_SETPIPE_SZ = 1031
WATCH = """
() => {
  window.seen = [];
  const before = {};
  const look = () => {
    const level = document.getElementById("level");
    const bars = [...document.querySelectorAll(".score progress")];
    const now = { level: level?.value > -30, bar: bars.at(-1)?.value > 0.9 };
    const t = performance.timeOrigin + performance.now();
    for (const name in now) {
      if (now[name] && !before[name]) window.seen.push([name, t]);
      before[name] = now[name];
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""


class Feeder(threading.Thread):
    """Writes near silence with bursts of noise to the sound server's pipe, in real time."""

    def __init__(self, pipe: Path) -> None:
        super().__init__(daemon=True)
        self.pipe, self.over, self.bursts = pipe, False, list[float]()
        self.start()

    def run(self) -> None:
        rng = np.random.default_rng(4)
        due = time.monotonic() + 1e9
        count = round(STEP_S * RATE)
        with self.pipe.open("wb", buffering=0) as pipe:
            fcntl.fcntl(pipe, F_SETPIPE_SZ, 4096)  # what waits in it would count as latency
            after, written, loud = time.monotonic(), 0, 0
            while not self.over:
                if written == RATE:
                    due = time.monotonic() + 8  # the page is open by then
                if loud == 0 and time.monotonic() >= due and len(self.bursts) < BURSTS:
                    loud = 40
                    due += rng.uniform(2.2, 2.6)
                    self.bursts.append(1000 * time.time())
                level = 12000 if loud else 20
                pipe.write(rng.normal(0, level, count).clip(-32768, 32767).astype("<i2").tobytes())
                written, loud = written + count, max(0, loud - 1)
                after = max(after + STEP_S, time.monotonic())
                time.sleep(max(0.0, after - time.monotonic()))


def main() -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp())
    (folder / "pulse").mkdir()
    home = folder / "home"
    home.mkdir()
    with SoundServer(folder / "pulse") as server, running(home) as studio:
        pipe = folder / "pulse" / "pipe"
        server.ask(
            *("load-module", "module-pipe-source", "source_name=otolith_mic", f"file={pipe}"),
            *("format=s16le", f"rate={RATE}", "channels=1"),
            "source_properties=\"device.description='Otolith Mic'\"",
        )
        server.wait_for("list short sources", "otolith_mic")
        server.ask("set-default-source", "otolith_mic")
        feeder = Feeder(pipe)
        studio.post("/projects", {"name": "loud", "hear": "loud"})
        (home / "loud" / "loud.tflite").write_bytes(small_models.loudness())
        with (
            chromium(environment=server.environment) as browser,
            page_of(browser, studio.link) as page,
        ):
            page.goto(f"{studio.origin}/#/loud/live")
            page.get_by_role("button", name="Start listening").click()
            page.get_by_role("button", name="Stop listening").wait_for()
            page.evaluate(WATCH)
            end = time.monotonic() + 120
            while len(feeder.bursts) < BURSTS and time.monotonic() < end:
                page.wait_for_timeout(200)
            page.wait_for_timeout(1500)
            seen = page.evaluate("window.seen")
        feeder.over = True
        feeder.join(10)
    print("# Live page of Studio: from a sound at the microphone to the frame that shows it")
    print("# PYTHONPATH=tests python bench/studio_live.py")
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"# {len(feeder.bursts)} bursts of noise; {cores} cores, load {load:.1f} at the end")
    print(
        "# level: of the microphone. bar: of a class of a network that decides by loudness, whose"
    )
    print("# window is a second and whose scores are averaged over 8 hops of 32 ms: > 90 %.")
    for name in ("level", "bar"):
        found = []
        for at in feeder.bursts:
            later = [t - at for n, t in seen if n == name and 0 <= t - at < 2000]
            found += later[:1]
        if not found:
            print(f"{name}: never moved")
            continue
        low, high = min(found), max(found)
        median = statistics.median(found)
        print(f"{name}: median {median:.0f} ms, {low:.0f} to {high:.0f} ms ({len(found)} bursts)")


if __name__ == "__main__":
    main()
