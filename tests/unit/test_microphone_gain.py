"""A quiet recording with a gain is heard as well as a loud one, whatever the front end."""

import numpy as np
import pytest

from otolith.audio import read_pcm
from otolith.augment.fill import room_tone
from otolith.deploy.scenes import scene
from otolith.device import Client
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.paths import MODELS
from otolith.settings.spec import load
from support import small_models
from support.fake_board import FakeBoard, line
from support.pcm_kinds import gained
from support.skips import recordings

QUIET = 24  # dB
RATE = 16_000


def network(name):
    return (MODELS / name / f"{name}.tflite").read_bytes()


def quieter(pcm):
    return np.round(pcm * 10 ** (-QUIET / 20)).astype(np.int16)


def events(model, pcm, gate=None):
    chain = Chain(model)
    if gate is not None:
        chain.set("detect.gate", gate)
    return [(hop.t_ms, *hop.event) for hop in chain.feed(pcm) if hop.event]


def test_without_pcan_the_fire_alarm_is_heard_at_the_same_times():
    pcm = np.concatenate([s.pcm for s in scene(load(MODELS / "fire_alarm"), 7)])
    loud = events(network("fire_alarm"), pcm)
    again = events(network("fire_alarm"), gained(quieter(pcm), QUIET))
    assert len(loud) >= 2 and [label for _, label, _ in again] == [label for _, label, _ in loud]
    assert all(abs(a[0] - b[0]) <= 150 for a, b in zip(loud, again, strict=True))  # ms
    assert all(abs(a[2] - b[2]) < 1_500 for a, b in zip(loud, again, strict=True))  # Q15


def test_without_the_gain_the_energy_gate_stays_shut():
    model = small_models.loudness()
    tone = (9_000 * np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE)).astype(np.int16)
    pcm = np.concatenate([np.zeros(RATE, np.int16), tone])
    gate = 1_000
    assert [label for _, label, _ in events(model, pcm, gate)] == ["loud"]
    assert events(model, quieter(pcm), gate) == []
    assert [label for _, label, _ in events(model, gained(quieter(pcm), QUIET), gate)] == ["loud"]


def test_with_pcan_a_word_has_the_same_score():
    yes = read_pcm(recordings("speech") / "yes_1000ms.wav", resample=True)
    pcm = np.concatenate([room_tone(yes, 2 * RATE), yes, room_tone(yes, RATE)])

    def best(pcm):
        hops = Chain(network("keyword")).feed(pcm)
        return max(int(hop.scores[1]) for hop in hops if hop.scores is not None)

    assert best(pcm) > 30_000
    assert abs(best(gained(quieter(pcm), QUIET)) - best(pcm)) < 1_000


# ---- the computer's side ----


def test_the_client_sets_and_asks_for_the_gain():
    told = line(event="microphone", microphone="i2s", gain_db=12)
    client = Client(
        FakeBoard(
            {
                "set microphone.gain_db 12": told,
                "get microphone": told,
                "set microphone.gain_db -40": line(
                    event="error", reason="busy", command="set microphone.gain_db -40"
                ),
            }
        )
    )
    assert (client.microphone(12).gain_db, client.microphone().microphone) == (12, "i2s")
    with pytest.raises(UserError, match="-40 to 60 dB"):
        client.microphone(61)
    with pytest.raises(UserError, match="busy"):
        client.microphone(-40)
