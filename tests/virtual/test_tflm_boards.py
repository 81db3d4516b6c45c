"""The tflm engine on the virtual Pico and in QEMU, if its library, from GitHub, is available.

Takes minutes when run alone, because TensorFlow Lite Micro is compiled for each environment.
"""

import subprocess

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

from otolith.bench.cores import CORES, fixed_inputs, run
from otolith.bench.measure import measure
from otolith.compile import model_hash, schedule_model
from otolith.device import Client, VirtualTransport
from otolith.errors import UserError
from otolith.firmware import tflm
from otolith.firmware.build import Firmware
from otolith.listen.chain import Chain
from otolith.virtual import boot
from support import small_models
from support.images import build
from support.parity import assert_same
from support.skips import third_party_model

MODELS = ["fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech"]


def needs_library(environment):
    if reason := tflm.missing(environment):
        pytest.skip(f"needs GitHub: {reason}")


def test_a_missing_library_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PLATFORMIO_LIBDEPS_DIR", str(tmp_path))
    monkeypatch.setattr(tflm, "_reachable", lambda url: False)
    with pytest.raises(UserError, match="go online for the first build, or use the compiled"):
        tflm.require("pico-tflm")
    tflm.require("pico")  # this environment needs no library
    (tmp_path / "pico-tflm" / "pico-tflmicro" / "src").mkdir(parents=True)
    tflm.require("pico-tflm")


@pytest.mark.slow
@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("model", MODELS)
def test_both_engines_give_the_wheels_outputs(model, name):
    core = CORES[name]
    needs_library(core.environment("tflm"))
    path = third_party_model(f"{model}.tflite")
    theirs, ours = measure(path, core, "tflm"), measure(path, core)
    interpreter = runtime.Interpreter.from_bytes(path.read_bytes())
    shape = schedule_model(path.read_bytes(), model).network.inputs[0].shape
    expected = []
    for value in fixed_inputs([shape]):
        interpreter.set_input(np.frombuffer(value, np.int8).reshape(shape), 0)
        interpreter.invoke()
        expected.append(interpreter.get_output(0).tobytes())
    assert theirs.outputs == ours.outputs == tuple(expected)
    assert 4096 < theirs.arena < 32_768  # measured, not the largest arena that would fit


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pico", "mps2_an386"])
def test_the_inference_app_runs_unchanged(name, tmp_path):
    environment = f"{name}-tflm"
    needs_library(environment)
    suffix = "uf2" if name == "pico" else "elf"
    image = build(environment, small_models.loudness(), tmp_path, suffix)
    t = np.arange(24_000) / 16000
    pcm = np.concatenate([np.zeros(8000), 16000 * np.sin(2 * np.pi * 700 * t)]).astype(np.int16)
    with boot(image, name) as board:
        hello, result = heard(VirtualTransport(board), pcm)
    if name != "pico":
        names = subprocess.check_output(["arm-none-eabi-nm", image], text=True)
        symbols = {line.split()[-1] for line in names.splitlines()}
        assert not symbols & {"malloc", "_malloc_r", "_sbrk", "printf", "_vfiprintf_r"}
    assert hello["engine"] == "tflm"
    assert_same(result, list(Chain(small_models.loudness()).run(pcm)))
    assert [event["label"] for event in result.events] == ["loud"]


def heard(transport, pcm):
    """hello, and the results for injected sound."""
    client = Client(transport)
    return client.hello(timeout_ms=5000), client.inject(pcm)


@pytest.mark.slow
def test_float_edges_are_quantised_on_the_chip(tmp_path):
    core = CORES["m4f"]
    needs_library(core.environment("tflm"))
    data = small_models.float_tanh()
    image = build(core.environment("tflm"), data, tmp_path, "elf")
    firmware = Firmware(core.environment("tflm"), tmp_path)
    image.rename(firmware.elf)
    value = np.arange(-100, 100, 25, dtype=np.int8)
    (output,) = run(core, firmware, model_hash(data), [value.tobytes()]).outputs
    interpreter = runtime.Interpreter.from_bytes(data)
    interpreter.set_input((0.05 * (value.astype(np.float32) - 3)).reshape(1, 8), 0)
    interpreter.invoke()
    expected = np.round(interpreter.get_output(0).ravel() * 128).astype(np.int8)
    np.testing.assert_array_equal(np.frombuffer(output, np.int8), expected)
