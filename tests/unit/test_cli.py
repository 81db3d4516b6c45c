"""The command line as a whole."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from otolith.cli import COMMANDS, PARTS, main
from otolith.errors import UserError


def test_every_command_has_help_with_an_example():
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert "Example" in result.output or "Commands:" in result.output


# Importing any of these would delay a help page noticeably.
SLOW = {
    *("cffi", "matplotlib", "numpy", "optuna", "platformio", "rich", "scipy", "sounddevice"),
    *("soundfile", "soxr", "tensorflow", "unicorn"),
}


def imported(*arguments):
    """The modules that a command line has imported by its end."""
    code = (
        "import json, sys\n"
        "from otolith.cli import main\n"
        f"try: main({list(arguments)!r}, standalone_mode=False)\n"
        "finally: print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ("data", "--help"), ("--version",)])
def test_help_imports_no_command_and_nothing_slow(arguments):
    modules = imported(*arguments)
    assert not modules & SLOW
    assert len([name for name in modules if name.startswith("otolith.")]) < 12


def test_help_of_training_imports_none_of_it():
    assert not imported("train", "--help") & (SLOW - {"rich"})


@pytest.mark.parametrize("name", ["train", "record"])
def test_help_of_a_command_imports_no_training_and_no_drawing(name):
    assert not imported(name, "--help") & {"tensorflow", "keras", "matplotlib", "optuna", "scipy"}


def test_a_group_says_a_line_about_each_command():
    from otolith.data.cli import COMMANDS as DATA

    for table in (COMMANDS, DATA):
        for name, later in table.items():
            assert later.help.endswith(".") and len(name) + len(later.help) < 70


def test_help_shows_every_command_under_a_heading():
    lines = CliRunner().invoke(main, ["--help"]).output.splitlines()
    found: dict[str, str] = {}
    heading = ""
    for line in lines:
        if line.endswith(":") and not line.startswith(" "):
            heading = line[:-1]
        elif heading in PARTS and line.strip():
            found[line.split()[0]] = heading
            assert COMMANDS[line.split()[0]].help in line
    assert found == {name: heading for heading, part in PARTS.items() for name in part}
    assert found["record"] == "Your sounds" and found["train"] == "Train and judge"


def test_what_an_error_quotes_does_nothing_in_a_terminal(capsys):
    UserError("m.tflite: makes events of \x1b]0;TITLE\x07 \u202eabc\n  second line").show()
    told = capsys.readouterr().err
    assert told == (
        "Error: m.tflite: makes events of \ufffd]0;TITLE\ufffd \ufffdabc\n  second line\n"
    )


def completed(words, **more):
    line = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), **more}
    code = "import sys; from otolith.cli import main; main(prog_name='host')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "_HOST_COMPLETE": "bash_complete", **line},
        capture_output=True,
        text=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_the_shell_completes_commands_and_options():
    assert completed(["host", "tra"]) == ["train", "train-and-deploy"]
    assert "--kind" in completed(["host", "new", "--"])
    assert completed(["host", "data", "spl"]) == ["split"]


def test_completing_a_command_imports_none(monkeypatch):
    context = main.make_context("host", [], resilient_parsing=True)
    monkeypatch.setattr(type(main), "get_command", lambda *_: pytest.fail("imported"))
    assert len(main.shell_complete(context, "")) >= len(COMMANDS)


def test_bash_takes_the_script():
    script = CliRunner().invoke(main, ["completion", "bash"])
    assert script.exit_code == 0
    asked = f"{script.output}\ncomplete -p host"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True)
    assert done.returncode == 0 and "_host_completion" in done.stdout
    for shell in ("zsh", "fish"):
        assert "_HOST_COMPLETE" in CliRunner().invoke(main, ["completion", shell]).output
    refused = CliRunner().invoke(main, ["completion", "csh"])
    assert refused.exit_code == 2 and "'bash', 'zsh', 'fish'" in refused.output


def test_quiet_shows_errors_and_results_alone(tmp_path):
    host = CliRunner()
    made = host.invoke(main, ["-q", "new", str(tmp_path / "a"), "--hear", "b"])
    assert (made.exit_code, made.output) == (0, "") and (tmp_path / "a" / "spec.toml").exists()
    again = host.invoke(main, ["--quiet", "new", str(tmp_path / "a"), "--hear", "b"])
    assert again.exit_code == 1 and "exists" in again.output
    shown = host.invoke(main, ["--quiet", "spec", "show", str(tmp_path / "a")])
    assert "[model]" in shown.output
    assert "next: cd" in host.invoke(main, ["new", str(tmp_path / "c"), "--hear", "b"]).output


def test_a_pipe_gets_no_colours():
    command = [sys.executable, "-m", "otolith", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Python" in done.stdout and "\x1b" not in done.stdout + done.stderr


def test_training_without_its_libraries_is_one_line(tmp_path, monkeypatch):
    """As after `pip install otolith` without [train]."""
    (tmp_path / "spec.toml").write_text('[model]\nclasses = ["background", "ring"]\n')
    program = (
        "import sys; sys.modules['safetensors'] = None; "
        "from otolith.cli import main; main(['train', sys.argv[1]])"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("Error: training needs TensorFlow and safetensors: run `")
