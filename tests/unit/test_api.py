"""The Python interface and the examples give what the commands give."""

import json
import runpy
import subprocess
import sys

import numpy as np
import pytest

import otolith
from otolith import paths
from otolith.audio.wav import write_wav
from otolith.listen import chain
from support import chain_model

EXAMPLES = paths.ROOT / "examples"


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "loud.tflite"
    file.write_bytes(chain_model.network(2))
    return file


def test_a_chain_yields_the_events_of_the_chips_chain(model):
    pcm = chain_model.sound()
    expected = [(hop.t_ms, *hop.event) for hop in chain.Chain(model).feed(pcm) if hop.event]
    ear = otolith.Chain(model)
    events = [e for start in range(0, len(pcm), 777) for e in ear.feed(pcm[start : start + 777])]
    assert [(e.t_ms, e.label, round(e.score * 32767)) for e in events] == expected != []
    ear.reset()
    ear.set("detect.threshold.loud", 1)
    assert not list(ear.feed(pcm))


def test_a_model_tells_its_classes_and_scores(model):
    found = otolith.Model(str(model))
    assert found.classes == ("background", "loud") and found.samples == 256 + 7 * 128
    scores = found.scores(np.full(found.samples, 20000, np.int16))
    assert set(scores) == set(found.classes) and sum(scores.values()) == pytest.approx(1, abs=0.01)
    assert "model.c" in found.compile("m0plus").files
    with pytest.raises(otolith.api.UserError, match="a window is 1152 int16 samples"):
        found.scores(np.zeros(5, np.int16))


def test_importing_the_package_imports_nothing_slow():
    code = "import sys, otolith; print('numpy' in sys.modules, otolith.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", otolith.__version__]


def test_the_batch_example_writes_a_table(model, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    write_wav(tmp_path / "in" / "a.wav", chain_model.sound())
    runpy.run_path(str(EXAMPLES / "batch_folder.py"))["main"](str(model), str(tmp_path / "in"))
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "file,seconds,label,score" and rows[1].startswith("a.wav,")


def test_the_front_end_example_compares_settings(tmp_path, capsys):
    write_wav(tmp_path / "a.wav", chain_model.sound())
    runpy.run_path(str(EXAMPLES / "own_front_end.py"))["main"](str(tmp_path / "a.wav"))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["20", "40", "80"]


def test_the_microphone_example_prints_events(model, monkeypatch, capsys):
    import sounddevice

    pcm = chain_model.sound()

    class Microphone:
        def __init__(self, **settings):
            assert settings == {"samplerate": 16000, "channels": 1, "dtype": "int16"}
            self.at = 0

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def read(self, n):
            self.at += n
            return pcm[self.at - n : self.at, None], False

    monkeypatch.setattr(sounddevice, "InputStream", Microphone)
    main = runpy.run_path(str(EXAMPLES / "hear_microphone.py"))["main"]
    main(str(model), len(pcm) / 16000 - 0.1)
    assert " loud " in capsys.readouterr().out


def test_the_notebook_runs(model):
    cells = json.loads((EXAMPLES / "first_steps.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert 'MODEL = "models/fire_alarm"' in code[0]
    names: dict = {}
    for text in code:
        exec(text.replace('"models/fire_alarm"', repr(str(model))), names)
    assert names["events"] and names["features"].dtype == np.int16


@pytest.mark.slow
def test_the_example_of_an_own_network_trains(tmp_path):
    from otolith.settings.spec import load
    from otolith.train.architectures import find

    spec = load(EXAMPLES / "own_network")
    build = find(spec.model.architecture, EXAMPLES / "own_network")
    model = build(spec.features.frames, spec.features.bands, 2, 0.2)
    assert model.output_shape == (1, 2)
    from otolith.train.feasible import check

    assert check(spec, "pico", code=EXAMPLES / "own_network").arena > 0
