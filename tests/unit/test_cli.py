"""The command line as a whole."""

from click.testing import CliRunner

from otolith.cli import COMMANDS, main


def test_every_command_has_help_with_an_example():
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert "Example" in result.output or "Commands:" in result.output
