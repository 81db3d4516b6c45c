"""A virtual Pico's USB microphone in the browser: USB audio, PulseAudio, Chromium, the recorder."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from otolith.data import metadata
from support.browser import chromium, page_of
from support.images import build
from support.sound_server import SoundServer, need_sound_server
from support.studio import RATE, running, wav


@contextlib.contextmanager
def playing(command, server):
    """A virtual board that is a microphone of the sound server."""
    with subprocess.Popen(
        [sys.executable, "-m", "otolith", *map(str, command), "--seconds", "60"],
        env=server.environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            server.wait_for("list short sources", "otolith_mic")
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.slow
def test_the_browser_records_from_otolith_mic(tmp_path, tmp_path_factory):
    need_sound_server()
    image = build("pico-mic", None, tmp_path)
    tone = 0.4 * np.sin(2 * np.pi * 1000 * np.arange(60 * RATE) / RATE)
    (tmp_path / "tone.wav").write_bytes(wav(tone))
    home = tmp_path / "home"
    home.mkdir()
    command = ["virtual", "run", image, "--audio", tmp_path / "tone.wav", "--pulse", "--json"]
    with (
        SoundServer(tmp_path_factory.mktemp("pulse")) as server,
        running(home) as studio,
        playing(command, server),
        chromium(environment=server.environment) as browser,
        page_of(browser, studio.link) as page,
    ):
        studio.post("/projects", {"name": "tone", "hear": "tone"})
        page.goto(f"{studio.origin}/#/tone/sounds")
        # names of microphones are told once one is allowed
        page.evaluate(
            "async () => (await navigator.mediaDevices.getUserMedia({audio: true}))"
            ".getTracks().forEach((t) => t.stop())"
        )
        page.get_by_role("button", name="Record tone").click()
        page.locator("option", has_text="Otolith Mic").first.wait_for(state="attached")
        page.get_by_label("Microphone").select_option(label="Otolith Mic")
        page.get_by_role("spinbutton", name="Takes").fill("1")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("1 take of tone kept").wait_for()
    (row,) = metadata.load(home / "tone" / "dataset").rows
    heard, rate = soundfile.read(home / "tone" / "dataset" / row.file)
    loudest = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))).argmax() * rate / len(heard)
    # a busy computer plays the board's sound a little slower; a wrong rate would be far off
    assert row.device == "Otolith Mic" and loudest == pytest.approx(1000, abs=20)
