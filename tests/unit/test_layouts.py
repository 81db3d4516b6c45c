"""Datasets in common layouts: what is imported, and what is asked first."""

import json

import pytest
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.data import importing
from otolith.data.layouts import guess_names, items_of, set_named
from otolith.data.metadata import load
from support.dataset_files import host, noise, write
from support.encoded import by_ffmpeg


def tree(root, *files):
    """Empty files, where only the names matter."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"RIFF")
    return root


def found(root, layout="auto"):
    said = []
    items, used = items_of(root, layout, "", None, said.append)
    return (
        {
            item.path.relative_to(root).as_posix(): (
                item.label,
                item.set,
                item.speaker,
                item.source,
            )
            for item in items
        },
        used,
        said,
    )


def test_folders_named_as_sets_are_sets(tmp_path):
    tree(tmp_path, "train/a/1.wav", "Training/b/2.wav", "val/a/3.wav", "test/b/deep/4.wav")
    items, used, _ = found(tmp_path)
    assert used == "folders" and {name: item[:2] for name, item in items.items()} == {
        "train/a/1.wav": ("a", "train"),
        "Training/b/2.wav": ("b", "train"),
        "val/a/3.wav": ("a", "validate"),
        "test/b/deep/4.wav": ("deep", "test"),
    }


def test_sets_below_classes(tmp_path):
    tree(tmp_path, "dog/train/1.wav", "dog/test/2.wav", "cat/3.wav")
    items, _, _ = found(tmp_path)
    assert [item[:2] for item in items.values()] == [
        ("cat", ""),
        ("dog", "test"),
        ("dog", "train"),
    ]


def test_a_class_may_be_called_train(tmp_path):
    tree(tmp_path, "train/1.wav", "tram/2.wav")
    assert [item[:2] for item in found(tmp_path)[0].values()] == [("train", ""), ("tram", "")]
    assert set_named("Dev") == "validate" and set_named("tram") == ""


TABLES = {
    "kitchen": ("meta/k.csv", "filename,fold,target,category\n1.wav,1,0,tap\n2.wav,2,1,pan\n"),
    "plain": ("labels.csv", "file,label\naudio/1.wav,tap\naudio/2.wav,pan\n"),
    "no header": ("labels.csv", "1.wav,tap\n2.wav,pan\n"),
    "excel": ("l.csv", "\ufefffile;label\r\naudio\\1.wav;tap\r\naudio\\2.wav;pan\r\n"),
    "no suffix": ("x.tsv", "fname\tlabel\n1\ttap\n2\tpan\n"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_beside_sounds_tells_their_labels(tmp_path, name):
    file, text = TABLES[name]
    tree(tmp_path, "audio/1.wav", "audio/2.wav")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text, "utf-8")
    items, used, said = found(tmp_path)
    assert (used, said) == ("table", [])
    assert {name: item[0] for name, item in items.items()} == {
        "audio/1.wav": "tap",
        "audio/2.wav": "pan",
    }


def test_a_table_tells_sets_and_speakers_and_what_is_missing(tmp_path):
    tree(tmp_path, "1.wav", "2.wav", "3.wav")
    (tmp_path / "a.csv").write_text(
        "path,label,split,speaker_id\n1.wav,x,valid,anna\n2.wav,y,test,bo\ngone.wav,y,test,bo\n"
    )
    items, _, said = found(tmp_path)
    assert items == {"1.wav": ("x", "validate", "anna", ""), "2.wav": ("y", "test", "bo", "")}
    assert len(said) == 2 and "gone.wav: no such file" in said[0] and "1 files have no" in said[1]


def test_a_table_of_something_else_is_no_table(tmp_path):
    tree(tmp_path, "dog/1.wav", "cat/2.wav")
    (tmp_path / "prices.csv").write_text("name,label,price\nchair,furniture,3\n")
    items, used, _ = found(tmp_path)
    assert used == "folders" and {item[0] for item in items.values()} == {"dog", "cat"}


@pytest.mark.parametrize(
    ("names", "label", "speaker"),
    [
        ([f"{w}_{p}_{n}" for w in "0123" for p in ("theo", "jo") for n in range(3)], "0", "theo"),
        ([f"s0{p}-{w}-{n}" for w in ("yes", "no") for p in "123" for n in range(3)], "yes", "s01"),
        ([f"{w}_{n:03}" for w in ("tap", "pan") for n in range(5)], "tap", None),
        ([f"1-{n}-A-{n % 3}" for n in range(100, 112)], "1", None),
    ],
)
def test_names_of_files_in_one_folder_tell_words_and_speakers(tmp_path, names, label, speaker):
    tree(tmp_path / "all", *(f"{name}.wav" for name in names))
    items, _, _ = found(tmp_path / "all")
    first = items[f"{names[0]}.wav"]
    assert first[0] == label and first[2] == (speaker or "")
    assert 1 < len({item[0] for item in items.values()}) <= 4


def test_names_that_tell_nothing_are_not_guessed():
    assert guess_names(["a", "b"] * 10) == ""
    assert guess_names([f"rec_{n}" for n in range(20)]) == ""
    assert guess_names([f"{n:08x}-{n * 7:04x}" for n in range(20)]) == ""


def test_speakers_in_front_of_names_within_class_folders(tmp_path):
    tree(tmp_path, *(f"{w}/{p:08}_NO_{n:02}.wav" for w in "ab" for p in range(3) for n in range(4)))
    assert {item[2] for item in found(tmp_path)[0].values()} == {
        "00000000",
        "00000001",
        "00000002",
    }


def test_classes_that_look_wrong_need_yes(tmp_path, monkeypatch):
    for number in range(4):
        write(tmp_path / "in" / "train" / f"{number}.wav", noise(number))
        write(tmp_path / "in" / "tram" / f"{number}.wav", noise(number + 9))
    to = ("--dataset", tmp_path / "ds")
    done = host("import", tmp_path / "in", *to)
    assert done.exit_code == 1 and "class train is called like a set" in done.output
    assert "nothing was imported: give --yes" in done.output and not (tmp_path / "ds").exists()
    monkeypatch.setattr(importing, "_MANY", 4)
    done = host("import", tmp_path / "in" / "tram", *to)
    assert done.exit_code == 1 and "class tram has 4 files" in done.output
    assert host("import", tmp_path / "in", "--yes", *to).exit_code == 0
    assert len(load(tmp_path / "ds").rows) == 8


def test_a_terminal_is_asked(tmp_path, monkeypatch):
    write(tmp_path / "in" / "dog" / "1.wav", noise(1))
    write(tmp_path / "in" / "cat" / "2.wav", noise(2))
    monkeypatch.setattr("otolith.data.importing._terminal", lambda: True)
    arguments = ["data", "import", str(tmp_path / "in"), "--dataset", str(tmp_path / "ds")]
    done = CliRunner().invoke(main, arguments, input="n\n")
    assert done.exit_code == 1 and "such as" in done.output and "Import 2 files?" in done.output
    assert not (tmp_path / "ds").exists()
    done = CliRunner().invoke(main, arguments, input="y\n")
    assert done.exit_code == 0 and len(load(tmp_path / "ds").rows) == 2


def test_sounds_of_phones_come_in(tmp_path):
    (tmp_path / "in" / "dog").mkdir(parents=True)
    by_ffmpeg(tmp_path / "in" / "dog" / "a.m4a", "ipod", "aac", 44100, {})
    write(tmp_path / "in" / "cat" / "b.wav", noise(2))
    done = host("import", tmp_path / "in", "--dataset", tmp_path / "ds", "--json")
    assert json.loads(done.stdout)["clips"] == 2
    assert {
        soundfile.info(tmp_path / "ds" / row.file).samplerate for row in load(tmp_path / "ds").rows
    } == {16000}
