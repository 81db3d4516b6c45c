"""[augment]: valid settings, and one clear line for each invalid one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.augment.base import Augmentation
from otolith.augment.registry import AUDIO, FEATURES, NAMES, find
from otolith.augment.settings import SHORT, described, parse
from otolith.errors import UserError
from otolith.untrusted import tomllib

TEXT = """
windows_a_clip = 12
[background]
probability = 0.7
snr_db = [0, 20]
[time_mask]
width_frames = [1, 12]
fill = "floor"
[crop]
classes = ["yes"]
[gain]
gain_db = 6
"""


def test_tables_become_settings_in_the_order_of_sound():
    found = parse(tomllib.loads(TEXT), "spec.toml")
    assert [s.name for s in found] == ["crop", "background", "gain", "time_mask"]
    crop, background, gain, mask = found
    assert (background.probability, background.snr_db) == (0.7, (0, 20))
    assert gain.gain_db == (6, 6) and gain.probability == 0.5
    assert crop.classes == ["yes"]
    assert (mask.width_frames, mask.fill) == ((1, 12), "floor")


def test_former_short_keys_say_what_to_write():
    assert parse({"windows_a_clip": 12}, "spec.toml") == parse({}, "spec.toml") == []
    for table, line in (
        (
            {"gain_db": 10},
            "spec.toml: [augment] gain_db = 10 is no key any more: write [augment.gain] with "
            "gain_db = [-10, 10], probability = 1",
        ),
        (
            {"noise_snr_db": 15},
            "spec.toml: [augment] noise_snr_db = 15 is no key any more: write [augment.noise] with "
            'snr_db = [15, 35], colour = "white", probability = 1',
        ),
    ):
        with pytest.raises(UserError) as error:
            parse(table, "spec.toml")
        assert error.value.message == line


def test_every_augmentation_is_named_as_in_the_table_and_has_good_defaults():
    assert not set(AUDIO) & set(FEATURES)
    for name in NAMES:
        assert find(name).name == name
        # an explicit default gives the same as an omitted key
        defaults = vars(find(name)())
        table = {k: list(v) if isinstance(v, tuple) else v for k, v in defaults.items()}
        assert parse({name: table}, "f") == parse({name: {}}, "f") == [find(name)()]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"gian": {}}, "f: [augment] has no key gian: did you mean gain?"),
        ({"gian": 3}, "f: [augment] has no key gian: did you mean gain?"),
        ({"gain": {"db": 3}}, "f: [augment.gain] has no key db: did you mean gain_db?"),
        ({"gain": 3}, "f: gain must be a section, [augment.gain]"),
        ({"gain": {"probability": 1.5}}, "f: [augment.gain] probability = 1.5: must be 0 to 1"),
        ({"gain": {"probability": [0, 1]}}, "must be 0 to 1"),
        ({"gain": {"gain_db": [3, -3]}}, "must be [lowest, highest], from -60 to 60"),
        ({"gain": {"gain_db": [1, 2, 3]}}, "must be [lowest, highest]"),
        ({"gain": {"gain_db": [0, 61]}}, "must be [lowest, highest]"),
        ({"gain": {"gain_db": math.nan}}, "must be [lowest, highest]"),
        ({"gain": {"gain_db": 10**400}}, "must be [lowest, highest]"),
        ({"gain": {"gain_db": True}}, "must be [lowest, highest]"),
        ({"time_mask": {"count": 1.5}}, "must be whole numbers"),
        ({"noise": {"colour": "brown"}}, "'brown': must be one of any, white, pink"),
        ({"background": {"folder": 3}}, "folder = 3: must be a folder's name"),
        ({"crop": {"classes": "yes"}}, "classes = 'yes': must be a list of names"),
        ({"gain_db": "3"}, "f: [augment] gain_db = '3' is no key any more: write [augment.gain]"),
    ],
)
def test_what_makes_no_sense_is_one_line(table, line):
    with pytest.raises(UserError) as caught:
        parse(table, "f")
    assert line in caught.value.message and "\n" not in caught.value.message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=100),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    sorted(
        {"probability", "count", "fill", "folder", "classes", "x"}.union(
            *(vars(find(name)()) for name in NAMES)
        )
    )
)
SECTIONS = st.sampled_from([*NAMES, *SHORT, "Gain", "noise\n"])


@given(st.dictionaries(SECTIONS, VALUES | st.dictionaries(KEYS, VALUES, max_size=3), max_size=3))
def test_any_table_is_taken_or_refused_in_one_line(table):
    try:
        found = parse(table, "f")
    except UserError as error:
        lines = error.message.splitlines()
        assert all(line.strip().startswith(("f: ", "and ")) for line in lines)
        assert all(len(line) < 500 for line in lines)
    else:
        assert all(isinstance(setting, Augmentation) for setting in found)
        for setting in found:
            assert 0 <= setting.probability <= 1


@given(st.floats(-60, 60), st.floats(-60, 60), st.floats(0, 1))
def test_good_ranges_come_back(a, b, probability):
    low, high = sorted((a, b))
    (gain,) = parse({"gain": {"gain_db": [low, high], "probability": probability}}, "f")
    assert (gain.gain_db, gain.probability) == ((low, high), probability)


def test_what_is_described_is_a_spec_with_the_defaults():
    table = tomllib.loads(described())["augment"]
    assert parse(table, "f") == [find(name)() for name in NAMES]
