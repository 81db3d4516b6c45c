"""spec.toml: valid specs, and one error line for each mistake."""

import dataclasses

import pytest

from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings.spec import load

GOOD = """
[model]
name = "bell"
description = "Hears a bell"
classes = ["background", "bell"]
architecture = "esc_cnn"
[data]
synth = "alarm"
train_clips = 8
validate_clips = 4
test_clips = 4
[detect]
smoothing = 4
minimum_count = 2
[detect.thresholds]
bell = 0.8
"""


def read(tmp_path, text):
    (tmp_path / "spec.toml").write_text(text)
    return load(tmp_path)


def test_a_spec_is_read_with_its_defaults(tmp_path):
    spec = read(tmp_path, GOOD)
    assert spec.model.classes == ("background", "bell")
    assert (spec.features.window, spec.features.hop, spec.features.bands) == (256, 128, 129)
    assert spec.features.samples == 256 + 123 * 128
    metadata = spec.metadata().to_json()
    assert metadata["detect"]["thresholds"] == {"bell": 0.8}
    assert metadata["features"]["bands"] == 129
    assert metadata["deploy"] == {"hop_frames": 4}


@pytest.mark.parametrize("name", ["fire_alarm", "environment", "digits"])
def test_the_models_of_this_repository_have_valid_specs(name):
    spec = load(MODELS / name)
    assert spec.model.name == name
    assert set(spec.detect.thresholds) <= set(spec.model.classes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("architecture =", "architectur =", r"\[model\] has no key architectur: did you mean arch"),
        ("[data]", "[dta]", r"no section \[dta\]: did you mean data\?"),
        ("train_clips = 8", "train_clips = 'many'", "= 'many': must be a whole number"),
        ("train_clips = 8", "train_clips = true", "must be a whole number"),
        ("train_clips = 8", "train_clips = 1", "at least 4 each: two of a class"),
        ('name = "bell"', 'name = "../bell"', "letters, digits"),
        ('["background", "bell"]', '["bell"]', "must be 2 to 32 names"),
        ('["background", "bell"]', '["bell", "bell"]', "appears twice"),
        ('["background", "bell"]', '["bell", 2]', "must be"),
        (
            'synth = "alarm"',
            "kind = 'alarm'",
            r"no key any more: write synth = \"alarm\"",
        ),
        ('synth = "alarm"', "kind = 'esc'", r"--layout esc .* split = \"group\", group = \"fold\""),
        (
            'synth = "alarm"',
            "kind = 'dataset'",
            r"kind = 'dataset' is no key any more: re",
        ),
        ('synth = "alarm"', "kind = 3", r"kind = 3 is no key any more: remove this key"),
        ("[detect]", "test_folds = [4]\n[detect]", r"test_folds .* test_groups = \[\"4\"\]"),
        ("[detect]", "train_folds = [1]\n[detect]", r"train_folds .* remove it"),
        ("bell = 0.8", "bel = 0.8", "no class of the model"),
        ("bell = 0.8", "bell = 1.8", "above 0, up to 1"),
        ("smoothing = 4", "smoothing = 400", "smoothing = 400: must be 1 to 32"),
        ("minimum_count = 2", "minimum_count = 5", "must be 1 to 4, which is smoothing"),
        ("[detect]", "[train]\nlearning_rate = 2\n[detect]", "between 0 and 1"),
        ("[detect]", "[quantize]\nmode = 'int4'\n[detect]", "must be one of ptq, qat"),
        ("[detect]", "[train]\nschedule = 'linear'\n[detect]", "one of constant, cosine, stepped"),
        ("[detect]", "[train]\nsteps = [0.5]\n[detect]", "and steps need each other"),
        (
            "[detect]",
            "[train]\nschedule = 'stepped'\nsteps = [0.5, 0.4]\n[detect]",
            "must rise, between 0 and 1",
        ),
        ("[detect]", "[train]\noutput = 'sigmoid'\n[detect]", "need base"),
        ("[detect]", "[train]\nbalance = 'over'\n[detect]", "weights, undersample, none"),
        ("[detect]", "[augment.gian]\n[detect]", "did you mean gain"),
        ("[detect]", "[augment.gain]\ngain_db = 900\n[detect]", r"\[augment.gain\] gain_db"),
        (
            "[detect]",
            "split = 'folds'\n[detect]",
            r"split = 'folds': must be one of set, group",
        ),
        ("[detect]", "[features]\nwindow = 100\n[detect]", "window 256"),
        ("[detect]", "[deploy]\nhop_frames = 100\n[detect]", "hop_frames"),
        ("[detect]", "detect", "not TOML"),
        ('"background"', '"back\\nground"', "names must be printable"),
        (
            "train_clips = 8",
            "train_clips = 8\nseed = -1",
            r"\[data\] seed = -1: must be 0 to 4294967295",
        ),
        ("[detect]", "[train]\nseed = 4294967296\n[detect]", r"\[train\] seed = 4294967296: must"),
        (
            "[detect]",
            "[augment]\ngain_db = 3\n[detect]",
            r"\[augment.gain\] with gain_db = \[-3, 3\], probability = 1",
        ),
        ("[detect]", "[augment]\nnoise_snr_db = -1\n[detect]", r"\[augment.noise\] with snr_db"),
        ("[detect]", "[augment]\nwindows_a_clip = 0\n[detect]", r"windows_a_clip = 0: must be 1"),
    ],
)
def test_a_mistake_gets_one_line_with_its_place(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(UserError, match=said) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    *head, last = error.value.message.splitlines()
    file = str(tmp_path / "spec.toml")
    assert len(head) in (0, 2), "one problem, or the one that follows from it too"
    assert all(line.strip().startswith(file) for line in [*head, last])


def test_a_missing_spec_names_the_file(tmp_path):
    with pytest.raises(UserError, match=r"spec\.toml: No such file"):
        load(tmp_path)


def test_every_setting_is_read_somewhere():
    """No setting is accepted and then ignored."""
    import typing

    from otolith.paths import ROOT
    from otolith.settings import spec as module

    code = "\n".join(
        path.read_text() for path in (ROOT / "host").rglob("*.py") if path.name != "spec.py"
    )
    for section, kind in typing.get_type_hints(module.Spec).items():
        for field in dataclasses.fields(kind):
            used = f".{section}.{field.name}" in code or f".{field.name}" in code
            travels = section in ("features", "detect", "deploy")
            assert used or travels or f'"{field.name}"' in code or field.name.endswith("_clips"), (
                f"[{section}] {field.name}"
            )
