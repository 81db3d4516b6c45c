"""A private PulseAudio server for a test, and ALSA settings that make PortAudio use it."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from otolith.setup.parts import find_pulseaudio

ALSA = """\
</usr/share/alsa/alsa.conf>
pcm."Otolith Mic" {
    type pulse
    device otolith_mic
}
"""


class SoundServer:
    """Runs while used as a context. Pass `environment` to programs that should use it."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        self.folder = folder
        self.log = folder / "pulseaudio.log"
        (folder / "asound.conf").write_text(ALSA)
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_STATE_PATH": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }

    def __enter__(self) -> "SoundServer":
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no"]
        command += ["--exit-idle-time=-1", "--disallow-exit", "--realtime=no"]
        native = f"module-native-protocol-unix socket={self.folder}/native auth-anonymous=1"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, "-L", native], env=self.environment, stdout=log, stderr=log
            )
        self.wait_for("info", "Server Version")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, *command: str) -> str:
        """Run pactl and return its output."""
        done = subprocess.run(
            ["pactl", *command], env=self.environment, capture_output=True, text=True
        )
        return done.stdout

    def wait_for(self, about: str, text: str, seconds: float = 60) -> None:
        """Wait until the output of `pactl about` contains a text."""
        end = time.monotonic() + seconds
        while text not in self.ask(*about.split()):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"{text} does not come: {self.log.read_text()}"
            time.sleep(0.05)


def need_sound_server() -> None:
    """Skip the test if PulseAudio is missing."""
    if find_pulseaudio() is None or shutil.which("pulseaudio") is None:
        pytest.skip("no PulseAudio: run `host setup`")
