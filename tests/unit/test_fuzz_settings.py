"""Mutated specs and metadata give valid settings, or a message that says what is wrong."""

import random
import time

import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile import analyse_model
from otolith.compile.metadata import embed, read_metadata
from otolith.errors import UserError
from otolith.features import preset
from otolith.paths import MODELS
from otolith.settings.metadata import Metadata
from otolith.settings.spec import Spec, load
from support import fuzz_settings, small_models
from support.front_end_model import network
from support.front_ends import told, with_metadata
from support.soak import depth

SPECS, METADATA = depth(150, 2000), depth(150, 2000)
HANG_S = 5.0


def check_message(error: UserError) -> None:
    """Check that a message has only printable lines of bounded length."""
    lines = error.message.splitlines()
    assert lines and all(line.isprintable() for line in lines), repr(error.message)
    assert all(len(line) < 2000 for line in lines), error.message[:500]


@pytest.mark.deep
def test_any_spec_is_read_or_refused(tmp_path, figure):
    draw = random.Random(3)
    seeds = [file.read_bytes() for file in sorted(MODELS.glob("*/spec.toml"))]
    file = tmp_path / "spec.toml"
    taken, slowest = 0, 0.0
    messages = set()
    for _ in range(SPECS):
        file.write_bytes(fuzz_settings.spec(draw, seeds))
        started = time.process_time()
        try:
            spec = load(file)
        except UserError as error:
            check_message(error)
            assert all(str(file) in line or "more" in line for line in error.message.splitlines())
            messages.add(error.message)
        else:
            taken += 1
            assert isinstance(spec, Spec) and isinstance(spec.metadata().to_bytes(), bytes)
        slowest = max(slowest, time.process_time() - started)
    figure(f"{SPECS:,} specs: {taken:,} taken, {len(messages):,} messages; {slowest:.2f} s")
    assert slowest < HANG_S
    assert SPECS // 10 < taken < SPECS and len(messages) > SPECS // 4


@pytest.mark.deep
def test_any_metadata_is_read_or_refused(figure):
    draw = random.Random(4)
    bases = [network(preset(name)) for name in ("keyword", "on_off")] + [small_models.loudness()]
    tables = [told(base) for base in bases]
    taken, slowest = 0, 0.0
    for _ in range(METADATA):
        which = draw.randrange(len(bases))
        model = embed(bases[which], fuzz_settings.metadata(draw, tables[which]))
        started = time.process_time()
        try:
            metadata = read_metadata(model)
            assert isinstance(metadata, Metadata)
            assert read_metadata(embed(bases[which], metadata.to_bytes())) == metadata
            analyse_model(model, "m")
            taken += 1
        except UserError as error:
            check_message(error)
            assert "\n" not in error.message
        slowest = max(slowest, time.process_time() - started)
    figure(f"{METADATA:,} metadata: {taken:,} taken; {slowest:.2f} s")
    assert slowest < HANG_S
    assert METADATA // 20 < taken < METADATA


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = " + "9" * 5000, "not TOML: Exceeds the limit"),
        ("x = " + "[" * 5000, "not TOML: "),
        ("x = 99999999999999999999", "an integer has more than 64 bits"),
        ("x = " + "[" * 40 + "]" * 40, "nested more than 32 levels deep"),
    ],
)
def test_numbers_and_depths_have_limits(tmp_path, text, said):
    (tmp_path / "spec.toml").write_text(text)
    with pytest.raises(UserError) as error:
        load(tmp_path)
    assert said in error.value.message and "\n" not in error.value.message


def test_a_byte_order_mark_is_no_part_of_a_spec(tmp_path):
    text = (MODELS / "fire_alarm" / "spec.toml").read_text()
    (tmp_path / "spec.toml").write_text(text, encoding="utf-8-sig")
    assert load(tmp_path) == load(MODELS / "fire_alarm")


def test_all_problems_are_told_with_line_and_nearest_name(tmp_path):
    file = tmp_path / "spec.toml"
    file.write_text(
        "[model]\n"
        'name = "bell"\n'
        'description = "d"\n'
        'classes = ["quiet", "door bell"]\n'
        'architectur = "esc_cnn"\n'
        "[data]\n"
        "[features]\n"
        'kind = "mfcc"\n'
        'note = """\n'
        "[train]\n"
        "epochs = 7\n"
        '"""\n'
        "window = 900\n"
        "[train]\n"
        "epochs = -3\n"
        "steps = [ # over\n"
        "  0.5,\n"
        "]\n"
        "[detect.thresholds]\n"
        '"door bel" = 0.5\n'
    )
    with pytest.raises(UserError) as error:
        load(file)
    head, *lines = error.value.message.splitlines()
    assert head == f"{file}: 6 problems"
    assert [line.removeprefix(f"  {file}:") for line in lines] == [
        "5: [model] has no key architectur: did you mean architecture?",
        "9: [features] has no key note: known: sample_rate, window, hop, frames, bands, compress, "
        "mels, low_hz, high_hz, minimum, maximum, kind, preset",
        "13: [features] window: must be 1 to 512",
        "15: [train] epochs = -3: must be 0 to 10000",
        '16: [train] steps: schedule = "stepped" and steps need each other',
        "20: [detect.thresholds] door bel: is no class of the model: did you mean door bell?",
    ]


@pytest.mark.parametrize("name", ["[/x]", "engine [idle]", "\x1b]0;TITLE\x07glass", "\u202eabc"])
def test_class_names_are_shown_and_do_nothing(tmp_path, name):
    table = told(small_models.loudness())
    table["classes"] = ["background", name]
    table["detect"]["thresholds"] = {name: 0.5}
    file = tmp_path / "m.tflite"
    file.write_bytes(with_metadata(small_models.loudness(), table))
    plain = "".join(c if c.isprintable() else "\ufffd" for c in name)
    for arguments in (["summarize", str(file)], ["adopt", str(file), "-o", str(tmp_path / "a")]):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
        assert plain in done.output
        assert all(line.isprintable() for line in done.output.splitlines())


def test_text_that_is_not_unicode_is_refused(tmp_path):
    table = told(small_models.loudness())
    table["description"] = "\ud800"
    with pytest.raises(UserError, match="a text that is not Unicode"):
        read_metadata(with_metadata(small_models.loudness(), table))
