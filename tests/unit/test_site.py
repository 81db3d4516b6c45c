"""The documentation's site: it builds without a warning, and says what the code says."""

import ast
import os
import re
import subprocess
import sys
from functools import cache

import pytest

from otolith.cli import COMMANDS
from otolith.paths import ROOT
from otolith.project.show import settings_in_force
from sitegen import commands, figures, links, settings, wire

PAGE = ROOT / "docs" / "troubleshooting.md"


@pytest.mark.slow
def test_it_builds_without_a_warning_and_needs_no_other_host(tmp_path):
    out = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    pages = {page.relative_to(out).as_posix(): page.read_text() for page in out.rglob("*.html")}
    outside = r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(https?:)?//[^"]+"'
    for name, text in pages.items():
        assert not re.search(outside, text), name
        assert "figures: " not in text, name
    for style in out.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text()), style
    assert "--cross-validate" in pages["reference/commands/train.html"]
    assert "host train models/fire_alarm" in pages["reference/commands/train.html"]
    assert "false_accepts_per_hour" in pages["reference/spec.html"]
    assert 'id="otolith.api.Chain.feed"' in pages["reference/python.html"]
    index = (out / "search" / "search_index.json").read_text()
    assert "no Otolith board found on USB" in index


@cache
def texts():
    """All texts of the sources; what is filled in is a blank."""
    found = []
    for folder in ("host", "platform"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return found


def stands_in_the_source(quoted):
    """Whether a message of the sources has the quoted parts in their order."""
    wanted = [part.strip() for part in quoted.split("...") if part.strip()]

    def holds(text):
        at = 0
        for part in wanted:
            at = text.find(part, at) + len(part)
            if at < len(part):
                return False
        return True

    return any(map(holds, texts()))


def quoted_errors():
    return re.findall(r"^### (`+) ?(.+?) ?\1$", PAGE.read_text(), re.M)


def test_errors_that_troubleshooting_quotes_exist():
    errors = [text for _, text in quoted_errors()]
    assert len(errors) >= 40
    missing = [text for text in errors if not stands_in_the_source(text)]
    assert not missing
    assert not stands_in_the_source("no board likes ...: buy another")


# Typed by hand, and in no file of bench/results: constants of data sheets and of Arm's tables, and
# sizes that `host compile` prints.
CONSTANTS = {"3.3", "3.25", "1.1", "1.9", "31.4", "80.9", "44.7", "3.1"}


def test_figures_typed_by_hand_stand_in_the_file_that_they_name():
    """A paragraph that names a file of bench/results takes its decimal numbers from it."""
    number, found = re.compile(r"(?<![\w.,-])\d[\d,]*\.\d+"), 0
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for paragraph in re.split(r"\n\s*\n", page.read_text()):
            names = set(re.findall(r"bench/results/([\w.]+\.txt)", paragraph))
            files = [ROOT / "bench" / "results" / name for name in names]
            measured = "".join(file.read_text() for file in files if file.exists())
            # names of files and commands have numbers of their own
            said = re.sub(r"\[[^\]]*\]\([^)]*\)|`[^`]*`", "", paragraph)
            typed = set(number.findall(said)) if names else set()
            found += len(typed)
            assert typed - CONSTANTS <= set(number.findall(measured)), page.name
    assert found > 20


def test_every_setting_in_force_stands_in_the_reference(tmp_path):
    (tmp_path / "spec.toml").write_text('[model]\nname = "x"\nclasses = ["background", "ring"]\n')
    page = settings.page()
    parts = re.split(r"^##+ ", page, flags=re.M)
    for shown in settings_in_force(tmp_path):
        named = [part for part in parts if part.startswith(f"[{shown.section}]")]
        if shown.section == "features":
            named = [part for part in parts if part.startswith(('kind = "', "[features]"))]
        assert any(f"`{shown.key}`" in part for part in named), f"[{shown.section}] {shown.key}"
    assert "| `smoothing` | a whole number, 1 to 32 (hops) | `8` | 0.1 |" in page


def test_the_wire_reference_names_every_command_and_event_of_the_firmware():
    sources = [*(ROOT / "lib").rglob("*.c"), *(ROOT / "firmware").rglob("*.c")]
    text = "\n".join(file.read_text() for file in sources)
    assert set(wire.commands()) == set(re.findall(r'\{"(\w+)", (?:WIRE_\w+, )?\w+\}', text))
    sent = set(re.findall(r'(?:wire_begin|json_open)\([^;]*?"(\w+)"\)', text))
    assert {"detect", "scores", "stats"} <= sent
    assert sent <= {record.EVENT for record in wire.lines()}
    page = wire.page()
    assert all(f"`{name}" in page for name in wire.commands())


def test_every_result_names_a_command_that_is_there():
    for file in sorted(figures.RESULTS.iterdir()):
        command = figures.command_of(file)
        for script in re.findall(r"\b(?:bench|tests)/[a-z_/]+\.py\b", command):
            assert (ROOT / script).is_file(), f"{file.name}: {command}"
        words = command.removeprefix(".venv/bin/").split()
        if words[0] == "host":
            assert words[1] in COMMANDS, f"{file.name}: {command}"


def test_figures_are_those_of_the_results():
    asked = "".join((ROOT / "docs" / f"{page}.md").read_text() for page in ("figures", "streaming"))
    assert set(figures._ASKED.findall(asked)) == set(figures.FIGURES)
    for name, make in figures.FIGURES.items():
        rows = make().splitlines()
        assert len(rows) > 4, name
        assert len({row.count("|") for row in rows}) == 1, name
    # each number of the table of engines, in the file that it is made from
    file = figures.read("engines.txt")
    for number in re.findall(r"\d[\d,]{4,}", figures.FIGURES["engines"]()):
        assert number in file
    with pytest.raises(figures.NoFigures, match="no figures nothing"):
        figures.fill("<!-- figures: nothing -->")


def test_every_page_stands_in_the_navigation():
    """As the slow test above would tell, in a second."""
    config = (ROOT / "mkdocs.yml").read_text()
    listed = set(re.findall(r"^ +- (?:\w+: )?([\w/]+\.md)$", config, re.M))
    docs = ROOT / "docs"
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
    made = {"results.md", *links.FROM_FILES.values()}
    missing = pages - listed
    assert not missing, "add them to nav in mkdocs.yml"
    assert {page for page in listed - made if not page.startswith("reference/")} == pages


def test_links_lead_to_pages_to_the_repository_or_are_refused():
    def go(target, file="docs/live.md", page="live.md"):
        return links.on_site(target, file, page)

    assert go("deciding.md") == "deciding.md"
    assert go("docs/live.md", "README.md", "index.md") == "live.md"
    assert go("../CONTRIBUTING.md", "docs/tutorials/x.md", "tutorials/x.md").startswith("../")
    assert go("../lib/nn") == f"{links.REPOSITORY}/tree/main/lib/nn"
    assert go("https://example.org") == "https://example.org"
    for target in ("../lib/nothing.h", "../../elsewhere"):
        with pytest.raises(links.BrokenLink):
            go(target)
    text = "[a](../lib/nn), `[b](../lib/nn)`\n\n    [c](../lib/nn)\n"
    done = links.rewrite(text, "docs/live.md", "live.md")
    assert done.count("https:") == 1 and "`[b](../lib/nn)`" in done


def test_commands_pages_have_the_examples_of_the_help():
    page = commands.train.help
    assert "```text\nhost train models/fire_alarm" in page
    nested = commands.data.commands["cut"].help
    assert "```text\nhost data segment" in nested
