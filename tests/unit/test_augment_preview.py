"""host data preview."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.paths import test_data as real_data
from support.skips import recordings

RATE = 16000
SPEC = """
[model]
classes = ["knock", "tone"]
[features]
compress = "log2"
[augment]
windows_a_clip = 12
[augment.gain]
probability = 1
gain_db = 6
[augment.background]
probability = 1
[augment.time_mask]
probability = 0
"""


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(1)
    for label, level in (("knock", 3000), ("tone", 200), ("background", 50)):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for number in range(3):
            pcm = rng.normal(0, level, 20000).astype(np.int16)
            soundfile.write(tmp_path / "sounds" / label / f"{number}.wav", pcm, RATE)
    (tmp_path / "spec.toml").write_text(SPEC)
    return tmp_path / "sounds"


def run(sounds, *more, spec=None):
    spec = spec or sounds.parent / "spec.toml"
    arguments = ["data", "preview", str(sounds), "--spec", str(spec), *map(str, more)]
    return CliRunner().invoke(main, arguments)


def test_it_draws_and_says_what_hit_each(sounds, tmp_path):
    result = run(sounds, "-o", tmp_path / "p.png", "--count", 3)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert len(lines) == 4 and all("gain (gain_db 6)" in line for line in lines[:3])
    assert "3 examples of 9 sounds, 3 augmentations; backgrounds: 3 sounds of the data" in lines[3]
    picture = (tmp_path / "p.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_same_seed_draws_the_same_picture(sounds, tmp_path):
    for name in ("p.png", "q.png"):
        run(sounds, "-o", tmp_path / name, "--count", 1)
    assert (tmp_path / "p.png").read_bytes() == (tmp_path / "q.png").read_bytes()
    drawn = [run(sounds, "--json", "--seed", seed).stdout for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_json_has_what_was_drawn_of_every_class(sounds):
    result = run(sounds, "--json", "--count", 6)
    found = json.loads(result.stdout)
    assert sorted(e["label"] for e in found) == sorted(["knock", "tone", "background"] * 2)
    for example in found:
        assert set(example["hits"]) == {"gain", "background"}
        assert example["hits"]["gain"]["gain_db"] == 6
        assert 0 <= example["hits"]["background"]["snr_db"] <= 20


def test_playing_plays_before_and_after(sounds, monkeypatch):
    import sounddevice  # needs PortAudio, which `host setup` installs

    heard = []
    monkeypatch.setattr(sounddevice, "play", lambda pcm, *a, **k: heard.append(pcm))
    spec = sounds.parent / "gain.toml"
    spec.write_text("[augment.gain]\nprobability = 1\ngain_db = 6\n")
    result = run(sounds, "--play", "--count", 2, spec=spec)
    assert result.exit_code == 0, result.output
    assert len(heard) == 2
    for pcm in heard:
        before, after = pcm[:16000].astype(float), pcm[16000 + 6400 : -6400].astype(float)
        assert len(before) == len(after) == 16000
        ratio = 20 * np.log10(np.std(after) / np.std(before))
        assert ratio == pytest.approx(6, abs=0.2)


def test_a_dataset_gives_its_training_clips_only(sounds):
    lines = ["file,label,set", "knock/0.wav,knock,train", "tone/0.wav,tone,test"]
    (sounds / "metadata.csv").write_text("\n".join(lines) + "\n")
    found = json.loads(run(sounds, "--json").stdout)
    assert [(e["file"], e["label"]) for e in found] == [("0.wav", "knock")]


def test_a_bad_file_is_a_line_and_the_rest_goes_on(sounds):
    (sounds / "knock" / "0.wav").write_bytes(b"RIFFnothing")
    result = run(sounds, "--count", 9)
    assert result.exit_code == 1
    assert "8 examples of 9 sounds" in result.stdout
    assert len(result.stderr.splitlines()) == 1 and "knock/0.wav" in result.stderr


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[augment.gian]", "[augment] has no key gian: did you mean gain?"),
        ("[augment.gain]\ngain_db = 99", "must be [lowest, highest], from -60 to 60"),
        ("augment = 3", "augment must be a section"),
        ("[augment", "not TOML"),
        ("[features]\nframes = 1000000", "[features] frames = 1000000: must be 1 to 65535"),
        ("[features]\nkind = 'nothing'", "[features] kind = 'nothing': unknown front end"),
        ("[model]\nclasses = 3", "[model] classes: must be a list of names"),
        ("[augment.crop]\nclasses = ['no']", "no is no class of the model"),
        ("[augment.background]\nfolder = 'not there'", "not there: no such folder"),
    ],
)
def test_a_bad_spec_is_one_line(sounds, text, line):
    spec = sounds.parent / "bad.toml"
    spec.write_text(text)
    result = run(sounds, spec=spec)
    assert result.exit_code == 1
    assert line in result.output and len(result.output.splitlines()) == 1, result.output


def test_folders_that_are_missing_or_empty(sounds, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, line in ((tmp_path / "none", "no such"), (tmp_path / "empty", "no sounds in it")):
        result = run(folder, spec=tmp_path / "spec.toml")
        assert result.exit_code == 1 and line in result.output
    result = run(sounds, spec=tmp_path / "none")
    assert result.exit_code == 1 and "give a model folder" in result.output


def test_real_sounds_with_everything_on(tmp_path):
    recordings("esc10")
    from otolith.augment.registry import NAMES

    tables = [f"[augment.{name}]" for name in NAMES if name not in ("impulse_response", "crop")]
    text = "\n".join([*tables, "[augment.crop]\nclasses = ['dog_bark']"])
    (tmp_path / "spec.toml").write_text(text)
    result = run(real_data() / "esc10", "--json", "--count", 20, spec=tmp_path / "spec.toml")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len({e["label"] for e in found}) == 10
    hit = set().union(*(e["hits"] for e in found))
    assert len(hit) >= 12  # each with probability one half, in twenty variants
    assert all(e["new_label"] == ("unknown" if "crop" in e["hits"] else e["label"]) for e in found)
