"""An adopted microWakeWord on a Pico, an M4F and an M33: each step equals the reference's."""

import numpy as np
import pytest

from otolith.device import Client, VirtualTransport
from otolith.listen.chain import Chain
from otolith.virtual import boot
from support.images import build
from support.parity import assert_same
from support.wake_words import adopted, reference, spoken

BOARDS = {"pico": "uf2", "mps2_an386": "elf", "mps2_an505": "elf"}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_steps_and_events_on_the_board_are_the_references(name, tmp_path):
    image = build(name, adopted("alexa"), tmp_path, BOARDS[name])
    (pcm,) = spoken("alexa", 1)
    with boot(image, name) as board:
        client = Client(VirtualTransport(board))
        client.hello(timeout_ms=5000)
        result = client.inject(pcm)
        again = client.inject(pcm)  # an injection begins with a reset: also of the state
    assert_same(result, list(Chain(adopted("alexa")).run(pcm)))
    np.testing.assert_array_equal(again.outputs, result.outputs)
    steps = reference("alexa", pcm)
    outputs = [step.output - 128 for step in steps]
    assert result.outputs[: len(steps)].ravel().tolist() == outputs[: len(result.outputs)]
    assert [d == "Alexa" for d in result.decisions][: len(steps)] == [
        step.heard for step in steps[: len(result.decisions)]
    ]
    assert [event["label"] for event in result.events] == ["Alexa"]
