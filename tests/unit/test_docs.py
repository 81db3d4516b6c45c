"""Files, commands, options and the spec that the documentation names exist."""

import re
import shlex

import click
import pytest

from otolith.cli import main
from otolith.paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = ("spec", "boards", "wire", "python", "commands/index")
GENERATED = ["results.md", *(f"reference/{x}.md" for x in NAMES)]
README = ROOT / "README.md"


def said(page):
    """Command lines of a page, in code blocks and in `code`."""
    text = page.read_text()
    lines = [line.strip() for line in re.findall(r"^ {4}(.+)$", text, re.M)]
    lines += re.findall(r"`([^`\n]+)`", text)
    for line in lines:
        line = line.removeprefix("$ ").removeprefix(".venv/bin/")
        if re.match(r"(host|otolith) [a-z]", line):
            yield line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    generated = [(ROOT / "docs" / name).resolve() for name in GENERATED]
    text = re.sub(r"`[^`\n]*`", "", page.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file = (page.parent / target.partition("#")[0]).resolve()
        if target.startswith(("http", "#")) or file in generated:
            continue
        assert file.exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(
    "page",
    # it names things that have been removed
    [page for page in PAGES if page.name != "CHANGELOG.md"],
    ids=lambda page: page.name,
)
def test_commands_and_options_exist(page):
    for line in said(page):
        words = shlex.split(line, comments=True)[1:]
        command, context = main, click.Context(main)
        while isinstance(command, click.Group) and words:
            name = words.pop(0)
            if not re.fullmatch(r"[a-z][a-z-]*", name):
                break
            found = command.get_command(context, name)
            assert found is not None, f"{page.name}: {line}: no command {name}"
            command = found
        known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        for word in words:
            if word.startswith("--"):
                option = word.partition("=")[0]
                assert option in known | {"--help"}, f"{page.name}: {line}: no option {option}"


def test_the_readme_is_short():
    text = README.read_text()
    assert len(text.splitlines()) <= 120
    assert len(text.split()) <= 900


def test_the_spec_in_the_readme_is_complete(tmp_path):
    from otolith.settings.spec import load

    block = re.search(r"(^ {4}\[model\]\n(?: {4}.*\n|\n)+)", README.read_text(), re.M)
    text = re.sub(r"^ {4}", "", block[1], flags=re.M)
    (tmp_path / "spec.toml").write_text(text)
    spec = load(tmp_path)
    assert list(spec.model.classes) == ["background", "ring", "knock"]


def commands(command=main, path=("host",)):
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


@pytest.mark.parametrize("path, command", [pytest.param(*c, id=" ".join(c[0])) for c in commands()])
def test_help_has_an_example_with_options_that_exist(path, command):
    text = "\n".join((command.help or "", command.epilog or "")).replace("\\\n", "")
    lines = re.findall(r"^ +(?:.*\| )?((?:host|otolith) .+)$", text, re.M)
    assert re.search(r"Examples?(:|,)", text) and lines, "no example"
    assert any(line.split()[1 : len(path)] == list(path[1:]) for line in lines)
    assert ("Example:" in text) == (len(lines) == 1 and "Examples" not in text)
    known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    for line in lines:
        if line.split()[1 : len(path)] == list(path[1:]) and not isinstance(command, click.Group):
            for word in shlex.split(line, comments=True):
                assert not word.startswith("--") or word.partition("=")[0] in known, line
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts[0]}: no help"
