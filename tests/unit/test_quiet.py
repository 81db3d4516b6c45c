"""`host --quiet`: every command shows its results and errors, and no progress."""

import ast
import io
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console
from test_full_disk import COMMANDS as WITH_FILES

from otolith import paths, progress
from otolith.cli import main
from otolith.firmware import build
from otolith.train.progress import bars
from support.chain_model import network
from support.dataset_files import dataset, write

HERE = {  # {} stands for a folder with a dataset, {model} for a network
    "new": "new {}/new --hear ring",
    "new, a copy": "new {}/copy --from fire_alarm",
    "spec show": "spec show {copy}",
    "virtual boards": "virtual boards",
    "boards show": "boards show pico",
    "doctor": "doctor --json",
    "summarize": "summarize {model}",
    "export": "export {model} --for c -o {}/exported",
    "data check": "data check --dataset {}/ds",
    "data stats": "data stats --dataset {}/ds",
    "data import": "data import {}/in --label bird --dataset {}/ds --yes",
    "completion": "completion bash",
}
# Need a board, a microphone, a server, a download or a training. What they show is made by the
# functions that the tests below call, or only with a terminal's user.
ELSEWHERE = {
    *(
        "record",
        "monitor",
        "device get",
        "device set",
        "profile",
        "bench engines",
        "run",
        "virtual run",
    ),
    *("train", "sweep", "train-and-deploy", "calibrate", "compare", "adopt", "studio"),
    *("setup", "boards check", "data fetch", "data play", "data review", "data preview"),
}
PACKAGE = Path(progress.__file__).parent
# A display that is the result itself, and one that `record` chooses only without --quiet.
RESULTS = {"monitor/cli.py", "record/meter.py"}


def leaves(group, before=()):
    """The names of all commands that do something."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*before, name))
        else:
            yield " ".join((*before, name))


def test_no_command_is_forgotten():
    # all generators of sounds are run by one function
    every = {"data synth" if n.startswith("data synth ") else n for n in leaves(main)}
    known = {name.partition(",")[0] for name in HERE} | ELSEWHERE
    assert known <= every
    of_files = {n for n in every for line in WITH_FILES.values() if line.startswith(f"{n} ")}
    assert every == known | of_files


@pytest.fixture
def folder(tmp_path):
    from otolith.data.metadata import Row

    dataset(tmp_path / "ds", [Row(f"dog/{n}.wav", "dog") for n in range(3)])
    write(tmp_path / "in" / "bird" / "0.wav", [0.1, -0.1] * 4000)
    (tmp_path / "loud.tflite").write_bytes(network(2))
    return tmp_path


@pytest.mark.parametrize("name", HERE)
def test_a_quiet_command_says_nothing_on_the_side(name, folder):
    line = HERE[name].replace("{model}", str(folder / "loud.tflite"))
    line = line.replace("{copy}", str(paths.MODELS / "fire_alarm")).replace("{}", str(folder))
    done = CliRunner().invoke(main, ["--quiet", *line.split()], env={"FORCE_COLOR": "1"})
    assert done.exit_code in (0, 1) and not done.stderr, done.stderr


def test_the_same_command_shows_a_bar_otherwise(folder):
    line = ["data", "check", "--dataset", str(folder / "ds")]
    assert "clips" in CliRunner().invoke(main, line, env={"FORCE_COLOR": "1"}).stderr


def test_every_bar_asks_whether_it_may_be_shown():
    found = 0
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
            calls = [n.func for n in ast.walk(function) if isinstance(n, ast.Call)]
            if not {getattr(call, "id", "") for call in calls} & {"Progress", "Live"}:
                continue
            found += 1
            short = file.relative_to(PACKAGE).as_posix()
            assert names & {"is_quiet", "_quiet"} or short in RESULTS, f"{short}: {function.name}"
    assert found >= 6


@pytest.mark.parametrize("quiet", [False, True])
def test_a_training_and_a_build_show_progress_unless_quiet(quiet, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(progress, "_quiet", quiet)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("PLATFORMIO_BUILD_DIR", str(tmp_path))
    (tmp_path / "pico").mkdir()
    page = io.StringIO()
    with bars(Console(file=page, force_terminal=True)) as report:
        report("fit", 0.5)
    steps = []
    with (
        progress.listening(steps.append),
        build._progress("building firmware for pico", "pico") as told,
    ):
        for line in ("Processing pico\n", "Compiling a.o\n", "Compiling b.o\n", "Linking x\n"):
            told(line)
    progress.remark("measuring")
    err = capsys.readouterr().err
    shown = "fit" in page.getvalue(), "building firmware" in err, "measuring" in err
    assert shown == ((False,) * 3 if quiet else (True,) * 3)
    # who listens, such as Studio, hears of it all the same
    assert [step.share for step in steps] == [1 / build.USUAL_FILES, 2 / build.USUAL_FILES]
    assert (tmp_path / "pico" / "compiled.txt").read_text() == "2\n"
    with progress.listening(steps.append), build._progress("again", "pico") as told:
        told("Compiling a.o\n")
    assert steps[-1].share == 0.5
