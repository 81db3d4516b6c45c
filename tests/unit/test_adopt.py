"""host adopt: third-party networks, with and without settings, and networks that do not fit."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from test_mltk_settings import ENTRIES, dictionary

from otolith.cli import main
from otolith.compile.adopt import adopt
from otolith.compile.engine import HostModel
from otolith.compile.metadata import read_metadata
from otolith.errors import UserError
from otolith.features import preset
from otolith.listen.chain import Chain
from otolith.paths import MODELS
from support.front_end_model import network, settings
from support.front_ends import told
from support.tflite_builder import ModelBuilder

CLASSES = ["quiet", "loud"]


def json_of(adopted):
    """The metadata in the file that adopt() returns."""
    assert read_metadata(adopted[0]) == adopted[1]
    return adopted[1].to_json()


def plain(name="micro_speech", entries=None):
    """A network that fits one of our front ends, but has no metadata about it."""
    return network(settings(name), entries=entries or {})


@pytest.mark.parametrize("name", ["micro_speech", "on_off"])
def test_a_network_is_taken_and_gives_the_same_scores(name):
    original = plain(name)
    adopted, _ = adopt(original, "theirs", preset(name), CLASSES)
    assert Chain(adopted).labels == CLASSES
    shape = HostModel(original).input_shapes[0]
    q = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    np.testing.assert_array_equal(HostModel(adopted).invoke(q), HostModel(original).invoke(q))


def test_what_is_not_said_is_as_in_tflms_example():
    found = json_of(adopt(plain(), "theirs", preset("micro_speech"), ["silence", "yes"]))
    assert found["name"] == "theirs" and found["features"]["frames"] == 49
    assert found["deploy"] == {"hop_frames": 5}  # 100 ms
    assert found["detect"] == {
        "thresholds": {"yes": 200 / 255},  # silence makes no event
        "gate": 0,
        "smoothing": 10,
        "minimum_count": 3,
        "suppression_hops": 15,
    }


def test_what_is_said_holds():
    given = {"smoothing": 4, "minimum_count": 2, "suppression_hops": 7, "gate": 9, "hop_frames": 3}
    found = json_of(
        adopt(plain(), "x", preset("micro_speech"), CLASSES, {"": 0.5, "loud": 0.9}, **given)
    )
    assert found["deploy"] == {"hop_frames": given.pop("hop_frames")}
    assert found["detect"] == {"thresholds": {"quiet": 0.5, "loud": 0.9}, **given}


def test_mltks_settings_come_along():
    entries = [e for e in ENTRIES if e[0] != "classes"]
    entries += [("classes", 13, ["on", "_rest_"]), ("latency_ms", 3, 100)]
    model = plain("on_off", {"SL_PARAMSv1": dictionary(entries)})
    before = told(model)
    found = json_of(adopt(model, "mine", thresholds={"": 0.6}))
    assert found["features"] == before["features"] and found["deploy"] == before["deploy"]
    assert found["detect"] == {**before["detect"], "thresholds": {"on": 0.6}}
    assert found["classes"] == ["on", "_rest_"] and found["name"] == "mine"


def test_a_model_of_ours_can_be_given_other_thresholds():
    model = network(settings("keyword"))
    found = json_of(adopt(model, "mine", thresholds={"": 0.9}))
    assert found == {
        **told(model),
        "name": "mine",
        "description": "adopted",
        "detect": {**told(model)["detect"], "thresholds": {"loud": 0.9}},
    }


def odd(scale=0.1017, shape=(1, 1960), out=1 / 256):
    """A dense layer with two outputs, which are probabilities only if `out` is 1/256."""
    b = ModelBuilder()
    x = b.tensor(shape, scale, -128)
    count = int(np.prod(shape))
    weights = b.tensor([2, count], 0.01, data=np.ones((2, count)))
    y = b.tensor([1, 2], out, -128)
    b.op("FULLY_CONNECTED", [x, weights, -1], [y])
    return b.build([x], [y])


@pytest.mark.parametrize(
    ("model", "features", "classes", "said"),
    [
        (odd(), None, CLASSES, "carries no settings"),
        (odd(), "micro_speech", None, "names no classes"),
        (odd(), "micro_speech", ["a"], "2 scores for 1 classes"),
        (odd(), "micro_speech", ["a", "b", "c"], "2 scores for 3 classes"),
        (odd(), "on_off", CLASSES, "takes 1x1960 values, the front end gives 98 frames of 104"),
        (odd(shape=(1, 40, 49)), "micro_speech", CLASSES, "takes 1x40x49 values"),
        (odd(scale=2.5), "micro_speech", CLASSES, "not made for this front end"),
        (odd(scale=0.001), "micro_speech", CLASSES, "not made for this front end"),
        (odd(out=0.2), "micro_speech", CLASSES, "output goes from 0 to 51"),
        (b"\x00" * 40, "micro_speech", CLASSES, "TFL3"),
    ],
)
def test_what_does_not_fit_is_one_line(model, features, classes, said):
    with pytest.raises(UserError, match=said) as error:
        adopt(model, "x", preset(features) if features else None, classes)
    assert "\n" not in error.value.message


@pytest.fixture
def run(tmp_path):
    (tmp_path / "theirs.tflite").write_bytes(plain())

    def call(*arguments):
        return CliRunner().invoke(
            main,
            ["adopt", str(tmp_path / "theirs.tflite"), "-o", str(tmp_path / "mine.tflite")]
            + [str(a) for a in arguments],
        )

    return call


def test_the_command_writes_what_other_commands_take(run, tmp_path):
    done = run("--features", "micro_speech", "--classes", "quiet, loud", "--threshold", "loud=0.7")
    assert done.exit_code == 0, done.output
    assert "logmel 49x40, classes quiet, loud; events: loud >= 0.70, quiet >= 0.78" in done.output
    mine = tmp_path / "mine.tflite"
    compiled = CliRunner().invoke(main, ["compile", str(mine), "-o", str(tmp_path / "c")])
    assert compiled.exit_code == 0 and (tmp_path / "c" / "pipeline.c").exists()


def test_the_front_end_may_be_a_models(run, tmp_path):
    spec = tmp_path / "other"
    spec.mkdir()
    (spec / "spec.toml").write_text(
        '[model]\nname = "o"\ndescription = ""\nclasses = ["a", "b"]\narchitecture = "esc_cnn"\n'
        '[data]\n[features]\npreset = "micro_speech"\n'
        "[detect.thresholds]\na = 0.5\n"
    )
    done = run("--features", spec, "--classes", "quiet,loud", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["features"]["fe"] == preset("micro_speech").to_json()["fe"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--features", "nothing"), "--features nothing: no folder of a model, and no preset"),
        (("--threshold", "high"), "--threshold high: give 0.8, or CLASS=0.8"),
        (("--threshold", "loud=1.5"), "--threshold loud=1.5: must be above 0, up to 1"),
        (("--threshold", "nan"), "--threshold nan: must be above 0"),
        (("--features", "keyword", "--classes", "a,b"), "theirs.tflite: takes 1x49x40x1 values"),
        (
            ("--features", "micro_speech", "--classes", "a,b", "--threshold", "c=0.5"),
            "the model's detect.thresholds.c: is no class of the model",
        ),
        (
            ("--features", "micro_speech", "--classes", "a,b", "--minimum-count", "20"),
            "detect.minimum_count = 20: must be 1 to 10",
        ),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(run, tmp_path, arguments, said):
    done = run(*arguments)
    assert done.exit_code == 1 and said in done.output
    assert done.output.startswith("Error: ") and done.output.count("\n") == 1
    assert not (tmp_path / "mine.tflite").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("theirs", "theirs.tflite: has no Otolith metadata: run `host adopt"),
        ("mine", "mine.tflite: makes events of loud, the spec's sounds are of yes, no"),
        ("none", "none.tflite: no trained model: name one that is there"),
    ],
)
def test_train_and_deploy_says_which_networks_it_takes(run, tmp_path, name, said):
    assert run("--features", "micro_speech", "--classes", "silence,loud").exit_code == 0
    spec, file = str(MODELS / "micro_speech"), str(tmp_path / f"{name}.tflite")
    done = CliRunner().invoke(main, ["train-and-deploy", spec, "--virtual", "--tflite", file])
    assert done.exit_code == 1 and said in done.output and done.output.count("\n") == 1
