"""[features] of a spec: kinds, presets, MLTK's names, ranges, and what the model stores."""

import dataclasses
import hashlib

import pytest

from otolith.errors import UserError
from otolith.features import PRESETS, extract, input_quantizer, preset, tables_of
from otolith.features.tables import in_c
from otolith.settings.augment import Augment
from otolith.settings.data import Data
from otolith.settings.deploy import Deploy
from otolith.settings.detect import Detect
from otolith.settings.features import FRONT_ENDS, kind_named
from otolith.settings.fields import about, default_of, settings_of
from otolith.settings.front_ends.logmel import Fe
from otolith.settings.front_ends.spectrogram import Spectrogram
from otolith.settings.model import Model
from otolith.settings.quantize import Quantize
from otolith.settings.registries import AUGMENTATIONS, GENERATORS
from otolith.settings.registries import FRONT_ENDS as FRONT_ENDS_REGISTRY
from otolith.settings.spec import load, parse
from otolith.settings.train import Train
from support.front_ends import changed

GOOD = {
    "model": {"name": "m", "description": "d", "classes": ["a", "b"], "architecture": "alarm_cnn"},
    "data": {"path": "dataset"},
    "detect": {"thresholds": {"b": 0.5}},
}


def features(**table):
    return parse({**GOOD, "features": table}, "spec.toml").features


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_one_line(name):
    f = features(preset=name)
    assert f == preset(name)
    assert (f.frames, f.bands) == f.shape
    assert f.samples == f.window + (f.frames - 1) * f.hop


def test_a_preset_can_be_changed():
    f = features(preset="on_off", fe={"dc_notch_filter_coefficient": 0.99, "window_size_ms": 20})
    assert (f.window, f.fe.dc_notch_filter_coefficient, f.bands) == (320, 0.99, 104)
    assert features(preset="smart_lock", frames=30).frames == 30
    f = features(preset="keyword", bands=13)
    assert len(f.minimum) == len(f.maximum) == f.bands == 13
    f = features(preset="keyword", compress="linear")
    assert f.minimum == f.maximum == () and "minimum" not in f.to_json()


def test_kinds_have_defaults_of_their_own():
    assert features() == Spectrogram()
    assert features(kind="mfcc").compress == "linear"
    f = features(kind="logmel")  # MLTK's defaults
    assert (f.window, f.hop, f.frames, f.bands) == (400, 160, 98, 32)
    assert f.fe.pcan_enable is False and f.fe.log_scale_shift == 6


def test_mltks_names_are_toml_keys(tmp_path):
    (tmp_path / "spec.toml").write_text(
        '[model]\nname="m"\ndescription="d"\nclasses=["a","b"]\narchitecture="alarm_cnn"\n'
        '[data]\npath="dataset"\n[detect.thresholds]\nb=0.5\n'
        '[features]\nkind = "logmel"\nfe.window_size_ms = 30\nfe.window_step_ms = 20\n'
        "fe.filterbank_n_channels = 40\nfe.quantize_dynamic_scale_enable = true\n"
        "fe.noise_reduction_enable = true\nfe.pcan_enable = true\n"
    )
    f = load(tmp_path).features
    assert (f.window, f.hop, f.frames, f.bands) == (480, 320, 98, 40)
    assert f.compress == "dynamic" and f.fe.pcan_enable is True


def test_a_spectrograms_metadata_is_as_it_was():
    settings = parse(GOOD, "x").metadata().to_json()["features"]
    assert settings == {
        "kind": "spectrogram",
        "sample_rate": 16000,
        "window": 256,
        "hop": 128,
        "frames": 124,
        "compress": "log2",
        "bands": 129,
    }


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "smell"}, "kind = 'smell': unknown front end"),
        ({"kind": 3}, "unknown front end"),
        ({"preset": "best"}, "preset = 'best': must be one of smart_lock"),
        ({"preset": ["on_off"]}, "preset"),
        ({"preset": "on_off", "kind": "mfcc"}, "kind: the preset on_off is logmel"),
        ({"preset": "on_off", "mels": 20}, "mels: needs kind mfcc"),
        ({"fe": {}}, "fe: needs kind logmel"),
        ({"kind": "mfcc", "fe": {}}, "fe: needs kind logmel"),
        ({"minimum": [1]}, "minimum: needs kind mfcc or logmel"),
        ({"compress": "minmax"}, "compress = 'minmax': must be one of linear, log2"),
        ({"kind": "mfcc", "compress": "log2"}, "compress"),
        ({"kind": "mfcc", "compress": "minmax"}, "minimum, maximum: must be 20 integers each"),
        ({"kind": "mfcc", "minimum": [0] * 20}, 'need compress = "minmax"'),
        ({"preset": "keyword", "maximum": [-4000] * 23}, "minimum below maximum"),
        ({"kind": "mfcc", "window": 513, "hop": 513}, "window: must be 1 to 512"),
        ({"kind": "mfcc", "hop": 481}, "hop: must be 1 to window"),
        ({"kind": "mfcc", "bands": 24}, "bands: must be 1 to mels"),
        ({"kind": "mfcc", "mels": 128}, "a filter lies between two FFT bins"),
        ({"kind": "mfcc", "low_hz": 8000.0}, "low_hz, high_hz"),
        ({"kind": "mfcc", "mels": "x"}, "mels = 'x': must be a whole number"),
        ({"kind": "logmel", "fe": {"window_size_ms": 50}}, "window: must be 16 to 512"),
        ({"kind": "logmel", "fe": {"windw_size_ms": 50}}, "did you mean fe.window_size_ms"),
        ({"kind": "logmel", "fe": {"pcan_enable": True}}, "needs fe.noise_reduction_enable"),
        ({"kind": "logmel", "fe": 5}, "fe = 5: must be a table of MLTK's settings"),
        ({"kind": "logmel", "window": "x"}, "window"),
        ({"kind": "logmel", "sample_rate": 8000}, "sample_rate = 8000: must be 16000"),
        ({"kind": "logmel", "frames": 0}, "frames = 0: must be 1 to"),
        ({"window": 100}, "window 256"),
        ({"bands": 100}, "must be 129, as a window of 256 gives"),
    ],
)
def test_a_mistake_gets_one_line_with_its_place(table, said):
    with pytest.raises(UserError) as error:
        features(**table)
    assert said in error.value.message and "\n" not in error.value.message
    assert error.value.message.startswith("spec.toml: [features] ")


def test_every_kind_is_in_both_registries():
    from otolith.paths import LIB

    line = (LIB / "features" / "src" / "features_registry.h").read_text()
    for name in FRONT_ENDS:
        assert f"X({name})" in line and (LIB / "features" / "src" / f"{name}.c").exists()
        assert set(kind_named(name).steps) <= {"linear", "log2", "minmax", "dynamic"}


def test_scales_are_those_of_the_kind():
    assert preset("keyword", compress="linear").step == 1 / 128
    assert preset("micro_speech").step == 0.0390625
    assert preset("on_off").step == preset("keyword").step == 1 / 255
    assert input_quantizer(preset("keyword", compress="linear"), 1 / 128, 0).multiplier > 0
    with pytest.raises(UserError, match="must be one of linear, minmax"):
        extract(
            __import__("numpy").zeros(500, "int16"), changed(preset("keyword"), compress="log2")
        )


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("smart_lock", "458267f2cd017108"),
        ("keyword", "602f460de22fa94a"),
        ("micro_speech", "f2dba4f888cbc739"),
        ("on_off", "2b69cfe26c214d57"),
    ],
)
def test_tables_are_the_same_on_every_computer(name, digest):
    """Another computer's libm must not change a chip's features."""
    text = in_c(tables_of(preset(name)), "t")
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_every_registry_has_what_its_table_says():
    for registry in (AUGMENTATIONS, FRONT_ENDS_REGISTRY, GENERATORS):
        assert registry.table
        for name in registry.table:
            assert registry.load(name) is not None
        assert registry.what in registry.unknown("nothing like it")


def test_every_setting_says_what_it_does():
    """Every setting is documented. The reference page and error messages use the descriptions."""
    front_ends = [kind_named(kind) for kind in FRONT_ENDS]
    for section in (Model, Data, Augment, Train, Quantize, Detect, Deploy, Fe, *front_ends):
        for name, field in settings_of(section).items():
            told = about(field)
            assert told.text.endswith(".") and told.since, (section, name)
            default = default_of(field)
            if told.range is not None and default is not dataclasses.MISSING:
                # A default of 0 outside the range: the setting is off unless a spec sets it.
                assert told.range.holds(default) or default == 0, (section, name)
            assert not told.names or default in (*told.names, dataclasses.MISSING)
