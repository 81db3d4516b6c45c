"""Clips as long as the window are heard by `host classify`, as by the board.

The network is TensorFlow Lite Micro's micro_speech, the clips are people saying yes and no, a
second each, of Speech Commands and of TFLM's own tests.
"""

import itertools
import json

import numpy as np
import pytest

from otolith.audio import RATE, read_pcm
from otolith.compile.adopt import adopt
from otolith.device import Client, VirtualTransport
from otolith.features import preset
from otolith.listen.ending import ending
from otolith.virtual import boot
from support.evaluate_case import host
from support.images import build
from support.skips import recordings, third_party_model

CLASSES = ["silence", "unknown", "yes", "no"]


@pytest.fixture(scope="module")
def model():
    data = third_party_model("micro_speech.tflite").read_bytes()
    # As the example's, but for a word that fills most of its clip: 300 ms of it are enough.
    given = {"smoothing": 3, "minimum_count": 2, "suppression_hops": 15, "hop_frames": 5}
    return adopt(data, "words", preset("micro_speech"), CLASSES, {"yes": 0.6, "no": 0.6}, **given)


def clips():
    """Path and word of each clip that is one window long, to a hop."""
    found = [(recordings("speech", f"{w}_1000ms.wav"), w) for w in ("yes", "no")]
    for word in ("yes", "no"):
        found += [(f, word) for f in sorted(recordings("speech_commands", word).iterdir())]
    return [(f, word) for f, word in found if abs(len(read_pcm(f)) - RATE) <= RATE // 20]


def events(lines):
    return [(e["t_ms"], e["label"]) for e in lines if e.get("event") == "detect"]


def test_most_clips_of_one_window_are_heard(model, tmp_path):
    (tmp_path / "words.tflite").write_bytes(model[0])
    files = clips()
    assert len(files) >= 20
    command = ["classify", *(f for f, _ in files), "--model", tmp_path / "words.tflite", "--json"]
    told = [json.loads(line) for line in host(*command).stdout.splitlines()]
    starts = [n for n, line in enumerate(told) if line["event"] == "hello"] + [len(told)]
    heard = [events(told[a:b]) for a, b in itertools.pairwise(starts)]
    assert len(heard) == len(files)
    right = sum(
        word in {label for _, label in found} for found, (_, word) in zip(heard, files, strict=True)
    )
    print(f"{right} of {len(files)} clips heard, {sum(map(bool, heard))} with any event")
    assert right > 0.6 * len(files)


@pytest.mark.soak
def test_the_board_hears_the_same_in_them(model, tmp_path):
    (tmp_path / "words.tflite").write_bytes(model[0])
    image = build("pico", model[0], tmp_path)
    heard = 0
    with boot(image) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        for file, _ in clips()[::4]:
            pcm = read_pcm(file)
            result = client.inject(np.concatenate([pcm, ending(model[1], pcm)]))
            command = ["classify", file, "--model", tmp_path / "words.tflite", "--json"]
            told = [json.loads(line) for line in host(*command).stdout.splitlines()]
            assert [(e["t_ms"], e["label"]) for e in result.events] == events(told)
            heard += bool(result.events)
    assert heard >= 3
