"""PCM over the console: complete, and in the form that host record takes."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from otolith.data import metadata
from otolith.device.frames import Frame


def frames(client, count):
    found = (m for m in client.lines(2000) if isinstance(m, Frame) and m.type == "P")
    return list(itertools.islice(found, count))


def test_pcm_frames_come_without_a_gap(client):
    client.command("pcm on")
    try:
        got = frames(client, 60)
    finally:
        client.command("pcm off")
    first = got[0].sequence
    assert [(f.sequence - first) & 0xFFFF for f in got] == list(range(60))
    assert {len(f.data) for f in got} == {256}


@pytest.mark.app("usb_mic")
def test_the_counter_shows_that_no_sample_is_lost(client):
    client.command("counter on")
    client.command("pcm on")
    try:
        got = frames(client, 250)
    finally:
        client.command("pcm off")
        client.command("counter off")
    pcm = np.concatenate([np.frombuffer(f.data, "<u2") for f in got[1:]])
    assert (np.diff(pcm) == 1).all()  # modulo 2^16


def test_host_record_takes_it(board, tmp_path):
    command = [sys.executable, "-m", "otolith", "record", "room", "--serial", board.port, "--json"]
    options = ["--seconds", "1", "--countdown", "0", "--silence", "-120"]
    done = subprocess.run(
        [*command, *options, "--dataset", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (take,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert take["kept"], take
    (row,) = metadata.load(tmp_path).rows
    info = soundfile.info(tmp_path / row.file)
    assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
    assert info.frames == 16000
