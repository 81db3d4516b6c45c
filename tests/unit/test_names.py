"""Labels and paths: one module checks them all, and nothing is written outside the dataset."""

import os

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from otolith.cli import main
from otolith.data import metadata
from otolith.data.metadata import Row, load
from otolith.data.names import as_label, check_label, folder_of, inside
from otolith.errors import UserError
from support.dataset_files import dataset, host, noise, write

HOSTILE = [
    "../../y",
    "/etc/y",
    "a/b",
    "..",
    "",
    "a\0b",
    "-x",
    "a\nb",
    "\x1b[31mred",
    "a\\b",
    "a" * 65,
    "x\u202ey",
]


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_refused_in_one_line(label):
    with pytest.raises(UserError, match="label") as error:
        check_label(label)
    assert error.value.message.isprintable()


@pytest.mark.parametrize("label", ["dog", "犬", "Küchenuhr", "नमस्ते", "a-b_c", "collé"])
def test_labels_of_any_script_stay_what_they_are(label):
    assert check_label(label) == label and as_label(label) == label


@given(st.text(max_size=80), st.text(max_size=80))
def test_folders_are_safe_and_their_labels_never_share_one(a, b):
    folder = folder_of(a)
    assert folder.isascii() and folder == os.path.basename(folder) and folder[0] not in ".-"
    assert 0 < len(folder) <= 64
    if a != b:
        assert folder != folder_of(b)
    label = as_label(a)
    assert not label or check_label(label) == label


@pytest.fixture
def linked(tmp_path):
    """A dataset whose class folder `out` is a link to a folder outside."""
    write(tmp_path / "outside" / "x.wav", noise(1))
    folder = dataset(tmp_path / "ds", [Row("dog/a.wav", "dog")])
    (folder / "out").symlink_to(tmp_path / "outside")
    found = load(folder)
    found.rows.append(Row("out/x.wav", "out"))
    found.save(folder)
    return folder


def outside(tmp_path):
    return {p.name: p.read_bytes() for p in (tmp_path / "outside").iterdir()}


@pytest.mark.parametrize(
    "arguments",
    [
        ("relabel", "out", "cat"),
        ("relabel", "dog", "out"),
        ("remove", "out", "--yes"),
        ("remove", "out/x.wav", "--yes"),
    ],
)
def test_links_lead_nowhere(linked, tmp_path, arguments):
    before, rows = outside(tmp_path), load(linked).rows
    done = host(*arguments, "--dataset", linked)
    assert done.exit_code == 1 and "leads out of the dataset" in done.output
    assert len(done.output.splitlines()) == 1
    assert outside(tmp_path) == before and load(linked).rows == rows
    assert (linked / "dog" / "a.wav").exists()


def test_import_cut_synth_and_merge_do_not_write_through_links(linked, tmp_path):
    before = outside(tmp_path)
    write(tmp_path / "new" / "out" / "n.wav", noise(5))
    write(tmp_path / "long.wav", noise(6, 3))
    (tmp_path / "long.txt").write_text("0.5\t1.5\tout\n")
    other = dataset(tmp_path / "other", [Row("out/m.wav", "out")], {"out/m.wav": noise(7)})
    for arguments in (
        ("import", tmp_path / "new", "--dataset", linked),
        ("cut", tmp_path / "long.wav", "--dataset", linked),
        ("synth", "impact", "knocking", "--label", "out", "--count", "1", "-o", linked),
        ("merge", other, "-o", linked),
    ):
        done = host(*arguments)
        assert done.exit_code == 1 and "leads out of the dataset" in done.output, done.output
    assert outside(tmp_path) == before


@pytest.mark.parametrize("label", ["../../y", "/tmp/y", "a\0b", "a/b"])
def test_no_command_takes_a_label_that_is_a_path(tmp_path, label):
    folder = dataset(tmp_path / "a" / "b" / "ds", [Row("dog/a.wav", "dog")])
    write(tmp_path / "n.wav", noise(2))
    for arguments in (
        ("data", "relabel", "dog", label, "--dataset", folder),
        ("data", "import", tmp_path / "n.wav", "--label", label, "--dataset", folder),
        ("data", "synth", "impact", "knocking", "--label", label, "--count", "1", "-o", folder),
        ("record", label, "--dataset", folder),
    ):
        done = CliRunner().invoke(main, [str(a) for a in arguments])
        assert done.exit_code in (1, 2) and "label" in done.output, done.output
        assert not isinstance(done.exception, (ValueError, OSError))
    assert sorted(p.name for p in tmp_path.rglob("*.wav")) == ["a.wav", "n.wav"]


@pytest.mark.parametrize("file", ["/etc/passwd", "../x.wav", "a/../../x.wav", "", "a\0.wav"])
def test_paths_that_leave_the_dataset(tmp_path, file):
    with pytest.raises(UserError, match="not a path below"):
        inside(tmp_path, file)


def test_a_link_of_a_folder_inside_the_dataset_is_taken(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "ds").symlink_to(tmp_path)
    assert inside(tmp_path / "ds", "b/x.wav") == tmp_path / "ds" / "b" / "x.wav"
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(UserError):
        inside(tmp_path, "round/x/y.wav")


def test_names_of_any_script_are_labels_with_safe_folders(tmp_path):
    write(tmp_path / "in" / "犬" / "ワン.wav", noise(1))
    write(tmp_path / "in" / "Tür zu" / "b.wav", noise(2))
    done = host("import", tmp_path / "in", "--dataset", tmp_path / "ds")
    assert done.exit_code == 0, done.output
    rows = load(tmp_path / "ds").rows
    assert sorted(row.label for row in rows) == ["Tür_zu", "犬"]
    assert all(row.file.isascii() and (tmp_path / "ds" / row.file).is_file() for row in rows)
    assert "犬" in (tmp_path / "ds" / metadata.NAME).read_text("utf-8")
    assert "犬" in host("stats", "--dataset", tmp_path / "ds").output
    assert (
        host("relabel", "犬", "猫", "--dataset", tmp_path / "ds").output == "1 clips are 猫 now\n"
    )
