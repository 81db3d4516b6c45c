"""Several networks behind one front end: each hears what it hears alone."""

import contextlib
import io
import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from rich.console import Console

from otolith.cli import main
from otolith.compile.adopt import adopt_manifest
from otolith.compile.several import GATE_HOPS, compile_several
from otolith.device import Client
from otolith.device.records import record
from otolith.errors import UserError
from otolith.evaluate.several import models_of
from otolith.firmware.hear import _take as hear
from otolith.firmware.hear import check_hello
from otolith.listen.chain import Chain
from otolith.listen.several import SeveralChain
from otolith.monitor import cli
from otolith.monitor.board import Listening
from otolith.monitor.screen import Screen
from otolith.settings.spec import load
from support.fake_board import DETECT, HELLO, SCORES, line, listening_board
from support.front_end_model import network, settings
from support.wake_words import adopted, manifest, spoken

NAMES = ["alexa", "hey_jarvis", "mww_vad"]
MODELS = [(adopted(name), name) for name in NAMES]


def said():
    """Two people: "alexa", then "jarvis", and silence between them."""
    (first,), (_, second) = spoken("alexa", 1), spoken("jarvis", 2)
    return np.concatenate([first, np.zeros(24000, np.int16), second])


@pytest.fixture(scope="module")
def together():
    return SeveralChain(MODELS)


@pytest.mark.slow
def test_each_network_hears_what_it_hears_alone(together):
    """Of two wake words both are heard in one recording (esphome/esphome#17538)."""
    together.reset()
    hops = list(together.run(said()))
    heard = {of.model: of.hop.event[0] for hop in hops for of in hop if of.hop.event}
    assert heard["alexa"] == "Alexa" and heard["hey_jarvis"] == "Hey Jarvis"
    for number, (data, name) in enumerate(MODELS):
        alone = list(Chain(data).run(said()))
        assert len(alone) == len(hops)
        for expected, hop in zip(alone, hops, strict=True):
            got = hop[number].hop
            assert hop[number].model == name
            np.testing.assert_array_equal(got.features, expected.features)
            assert (got.q is None) == (expected.q is None)
            assert got.q is None or (got.q == expected.q).all()
            assert (got.event, got.decision, got.level, got.t_ms) == (
                expected.event,
                expected.decision,
                expected.level,
                expected.t_ms,
            )


@pytest.mark.slow
def test_a_voice_activity_network_gates_the_others():
    gated = SeveralChain(MODELS, gate="mww_vad")
    assert gated.names == ["mww_vad", "alexa", "hey_jarvis"]
    open_for, words = 0, 0
    for hop in gated.run(said()):
        vad, alexa = hop[0].hop, hop[1].hop
        if vad.q is None:
            continue
        open_for = GATE_HOPS + 1 if vad.decision == "vad" else max(0, open_for - 1)
        assert alexa.decision != "Alexa" or open_for > 0 or alexa.smoothed[1] > 0
        words += alexa.event is not None
    assert words == 1
    quiet = [hop[0].hop.decision for hop in gated.run(np.zeros(48000, np.int16))]
    assert quiet[-1] != "vad"


def test_a_closed_gate_makes_scores_count_as_nothing():
    """Thresholds of the gate that it never reaches."""
    never = adopt_manifest(manifest("mww_vad"), thresholds={"": 1.0})[0]
    gated = SeveralChain([MODELS[0], (never, "mww_vad")], gate="mww_vad")
    hops = [hop[1].hop for hop in gated.run(said())]
    assert max(int(h.scores[1]) for h in hops if h.scores is not None) > 30000
    assert not any(h.smoothed[1] for h in hops if h.smoothed is not None)
    assert not any(h.event for h in hops)


def test_what_does_not_fit_together_is_refused():
    other = adopt_manifest(manifest("alexa"), "second")[0]
    old = adopted("mww_v1_okay_nabu")
    for models, gate, expected in (
        (MODELS[:1], None, "1 networks in one image: 2 to 8"),
        ([MODELS[0], MODELS[0]], None, "two networks are called alexa"),
        ([MODELS[0], (other, "")], "vad", "no network vad to gate the others: alexa, second"),
        ([MODELS[0], (old, "")], None, "different front ends"),
        ([MODELS[0], (network(settings("keyword")), "")], None, "different front ends"),
    ):
        with pytest.raises(UserError, match=expected):
            compile_several(models, gate)


@pytest.fixture
def folder(tmp_path):
    """Three models and a folder that lists them."""
    for data, name in MODELS:
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.tflite").write_bytes(data)
    (tmp_path / "wake").mkdir()
    return tmp_path


def listed(folder, text):
    (folder / "wake" / "spec.toml").write_text(text)
    return folder / "wake"


def test_a_folder_lists_models(folder):
    wake = listed(folder, '[deploy]\nmodels = ["alexa", "mww_vad"]\ngate = "mww_vad"\n')
    found = models_of([wake])
    assert [file.tflite.stem for file in found.files] == ["alexa", "mww_vad"]
    assert found.gate == "mww_vad" and found.named[0] == MODELS[0]
    several = models_of([folder / "alexa", folder / "hey_jarvis"])
    assert len(several.files) == 2 and several.gate is None
    with pytest.raises(UserError, match="a gate is for several networks"):
        models_of([folder / "alexa"], "alexa")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models = 5", "[deploy] models = 5: must be a list of names"),
        ("models = []", "must be a list of names"),
        ('models = ["../x"]', "must be a folder or .tflite beside this one"),
        ('models = ["wake"]', "must be a folder or .tflite beside this one"),
        ('models = ["alexa", "alexander"]', "no such file"),
        ('models = ["alexa"]\ngate = "vad"', "[deploy] gate = 'vad': must be one of models"),
        ('models = ["alexa"]\ngates = "alexa"', "has no key gates"),
    ],
)
def test_a_list_that_is_wrong_is_refused(folder, text, said):
    with pytest.raises(UserError) as error:
        models_of([listed(folder, f"[deploy]\n{text}\n")])
    assert said in error.value.message and "spec.toml" in error.value.message


OWN = """[model]
name = "alexa"
classes = ["background", "Alexa"]
[detect.thresholds]
Alexa = 0.9
[deploy]
models = {models}
gate = "{gate}"
"""


def test_a_spec_that_trains_lists_what_listens_with_it(folder):
    own = folder / "alexa"
    for models, names in (
        (["mww_vad"], ["alexa", "mww_vad"]),
        (["mww_vad.tflite", "alexa"], ["mww_vad", "alexa"]),
    ):
        gate = models[0]
        (own / "spec.toml").write_text(OWN.format(models=json.dumps(models), gate=gate))
        (folder / "mww_vad.tflite").write_bytes(MODELS[2][0])
        found = models_of([own])
        assert [file.tflite.stem for file in found.files] == names and found.gate == gate
        assert len(models_of([own / "alexa.tflite"]).files) == 1
        assert load(own).metadata().deploy.models == ()
    text = OWN.format(models='["a b", "gone"]', gate="vad")
    (own / "spec.toml").write_text(text)
    with pytest.raises(UserError) as error:
        models_of([own])
    assert "models a b: must be a folder" in error.value.message
    assert "gate = 'vad': must be one of models, or alexa" in error.value.message
    (own / "spec.toml").write_text(OWN.format(models='["gone"]', gate=""))
    with pytest.raises(UserError, match=r"models gone: .*no such file"):
        models_of([own])


def test_a_list_of_networks_has_nothing_to_train(folder):
    wake = listed(folder, '[deploy]\nmodels = ["alexa", "mww_vad"]\n')
    done = CliRunner().invoke(main, ["train-and-deploy", str(wake), "--virtual"])
    assert done.exit_code == 1 and done.output.count("\n") == 1
    assert "lists networks and trains none, so name one of them here" in done.output


def settings_line(model, last=0.5):
    return line(event="settings", model=model, detect={"gate": 0, "thresholds": [0.0, last]})


def board_with_two(stream=b""):
    hello = {k: v for k, v in HELLO.items() if k not in ("model", "hash", "labels")}
    hello |= {"models": ["wake", "vad"], "hashes": ["4c1d", "77aa"]}
    each = settings_line("wake") + line(**DETECT, model="vad") + settings_line("vad")
    changed = settings_line("wake", 0.25) + settings_line("vad")
    more = {"hello": line(**hello), "get detect": each, "set wake.detect.threshold 0.25": changed}
    return listening_board(stream, more), record(hello)


def test_settings_of_each_of_a_boards_networks():
    board, _ = board_with_two()
    client = Client(board)
    assert {n: of.thresholds for n, of in client.settings_of_each().items()} == {
        "wake": {"0": 0, "1": 0.5},
        "vad": {"0": 0, "1": 0.5},
    }
    assert [m.model for m in client.lines(1)] == ["vad"]  # what came between is kept
    assert client.set_of("wake.detect.threshold", 0.25)["wake"].thresholds["1"] == 0.25
    with pytest.raises(UserError, match="begins with one of wake, vad"):
        client.set_of("detect.threshold", 0.25)
    with pytest.raises(UserError, match="several networks: wake, vad"):
        client.settings()


def test_the_live_display_and_recordings_have_each_network(tmp_path, monkeypatch):
    said = line(**SCORES, model="wake") + line(**{**SCORES, "smoothed": [30000, 0]}, model="vad")
    board, hello = board_with_two(said + line(**DETECT, model="wake"))

    @contextlib.contextmanager
    def attached(port):
        yield Listening(Client(board), hello, "/dev/fake")

    monkeypatch.setattr(cli, "attached", attached)
    kept = tmp_path / "kept"
    done = CliRunner().invoke(main, ["monitor", "--record", str(kept), "--seconds", "1"])
    assert done.exit_code == 0, done.output
    assert "loud  score 0.913  wake" in done.stdout
    session = json.loads((kept / "session.json").read_text())
    assert set(session["detect"]) == {"wake", "vad"}
    told = [json.loads(text) for text in (kept / "events.jsonl").read_text().splitlines()]
    assert [m["model"] for m in told if m["event"] != "stats"] == ["wake", "vad", "wake"]
    screen = Screen(hello, {"wake": [1], "vad": [1]})
    for message in told:
        screen.take(record(message))
    console = Console(file=io.StringIO(), width=100)
    console.print(screen)
    rows = {part[0]: part[1:] for part in map(str.split, console.file.getvalue().splitlines())}
    assert rows["wake"] == ["0.750", "█" * 30] and rows["vad"] == ["0.000"]
    done = CliRunner().invoke(main, ["monitor", "--collect", str(kept)])
    assert done.exit_code == 1 and "--collect is for one network" in done.output


def test_a_scene_is_judged_by_the_own_network_alone():
    _, hello = board_with_two()
    heard = check_hello(hello, "77aa", "the board", ["background", "loud"])
    assert (heard.model, heard.labels) == ("vad", ["background", "loud"])
    for of in ("wake", "vad"):
        hear(heard, record({**DETECT, "model": of}), 5.0)
        hear(heard, record({**SCORES, "model": of}), 5.0)
    assert [d.label for d in heard.detections] == ["loud"] and len(heard.scores) == 1
    assert [name for name, _ in heard.others] == ["wake"]
    with pytest.raises(UserError, match="runs models wake, vad, not beef"):
        check_hello(hello, "beef", "the board", [])


@pytest.mark.slow
def test_the_command_tells_which_network_heard_it(folder):
    wake = listed(folder, '[deploy]\nmodels = ["alexa", "hey_jarvis", "mww_vad"]\n')
    sound = folder / "said.wav"
    soundfile.write(sound, said(), 16000)
    done = CliRunner().invoke(main, ["classify", str(sound), "--model", str(wake), "--json"])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert lines[0]["models"] == NAMES
    heard = {line["model"]: line["label"] for line in lines if line["event"] == "detect"}
    assert heard == {"alexa": "Alexa", "hey_jarvis": "Hey Jarvis", "mww_vad": "vad"}
    plain = CliRunner().invoke(main, ["classify", str(sound), "--model", str(wake)])
    assert any("Alexa" in line and "alexa" in line for line in plain.output.splitlines())
