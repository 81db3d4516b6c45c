"""How long after a sound the Live page of Studio shows it.

    PYTHONPATH=tests python bench/studio_live.py > bench/results/studio_live.txt     # a minute

The whole loop: a burst of noise goes into PulseAudio's microphone at a known time; Chromium, the
worklet, the WebSocket, the chip's chain and the page follow. A script in the page notes when each
part knows of the burst, and the first frames that show it. Both clocks are this computer's.
"""

import contextlib
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
LOUD = 3000  # int16: bursts are far above, the silence between them far below
# Notes the time at which each part of the way knows of a burst.
HOOK = """
window.seen = [];
const loud = {};
const note = (name, is) => {
  if (is && !loud[name]) window.seen.push([name, performance.timeOrigin + performance.now()]);
  loud[name] = is;
};
window.WebSocket = class extends WebSocket {
  constructor(...all) {
    super(...all);
    this.addEventListener("message", (message) => {
      const event = JSON.parse(message.data);
      if (event.kind !== "hop") return;
      note("told", event.level > LOUD);
      note("scored", event.scores?.at(-1) > 0.9);
    });
  }
  send(data) {
    if (data instanceof ArrayBuffer)
      note("sent", new Int16Array(data, 4).some((v) => Math.abs(v) > LOUD));
    super.send(data);
  }
};
const look = () => {
  const bar = [...document.querySelectorAll(".score progress")].at(-1)?.value;
  note("level", document.getElementById("level")?.value > -30);
  note("bar", bar > 0.9);
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
""".replace("LOUD", str(LOUD))
NAMES = ("sent", "told", "scored", "level", "bar")
# what is printed: name -> from what to what; "": the sound
PARTS = {
    "sound to the page: PulseAudio, Chromium, worklet": ("", "sent"),
    "page to server and back, with the wait for a hop": ("sent", "told"),
    "drawing the level: the frame after the message": ("told", "level"),
    "level: from the sound to the frame": ("", "level"),
    "network and averaging: from the first loud hop to a score above 90 %": ("told", "scored"),
    "drawing the bar": ("scored", "bar"),
    "bar: from the sound to the frame above 90 %": ("", "bar"),
}


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
                sound = rng.normal(0, level, count).clip(-32768, 32767).astype("<i2")
                with contextlib.suppress(BrokenPipeError):  # at the end
                    pipe.write(sound.tobytes())
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
            page.add_init_script(HOOK)
            page.goto("about:blank")
            page.goto(f"{studio.origin}/#/loud/live")
            page.get_by_role("button", name="Start listening").click()
            page.get_by_role("button", name="Stop listening").wait_for()
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
    hop = small_models.METADATA["deploy"]["hop_frames"] * 8
    average = small_models.METADATA["detect"]["smoothing"]
    print(f"# The network decides by a second's loudness, every {hop} ms. A bar shows the mean of")
    print(f"# {average} scores, as on the chip: it needs {hop * average} ms for a sudden change.")
    times = [{name: first(seen, name, at) - at for name in NAMES} for at in feeder.bursts]
    for words, (start, stop) in PARTS.items():
        found = [t[stop] - t.get(start, 0) for t in times if t[stop] < 2000]
        if not found:
            print(f"{words}: never")
            continue
        low, high, median = min(found), max(found), statistics.median(found)
        print(f"{words}: median {median:.0f} ms, {low:.0f} to {high:.0f} ms ({len(found)} bursts)")


def first(seen: list[tuple[str, float]], name: str, after: float) -> float:
    """The first time of a name after a time, in ms; infinite if there is none."""
    return min((t for n, t in seen if n == name and t >= after), default=float("inf"))


if __name__ == "__main__":
    main()
