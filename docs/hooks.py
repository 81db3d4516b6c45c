"""MkDocs' hooks: pages made from the code, from bench/results and from files outside docs/."""

from __future__ import annotations

from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from otolith.paths import ROOT
from sitegen import boards, commands, figures, links, python_api, settings, wire


def generated() -> dict[str, str]:
    """Page -> Markdown of every page that is not a file of docs/."""
    pages = {
        "results.md": figures.page(),
        "reference/spec.md": settings.page(),
        "reference/boards.md": boards.page(),
        "reference/wire.md": wire.page(),
        "reference/python.md": python_api.page(),
        **commands.pages(),
    }
    for file, page in links.FROM_FILES.items():
        pages[page] = links.rewrite((ROOT / file).read_text(encoding="utf-8"), file, page)
    return pages


def on_config(config: Any) -> Any:
    """Lists the commands' pages in the navigation."""
    for section in config.nav:
        for title, pages in section.items() if isinstance(section, dict) else ():
            if title == "Reference":
                pages.insert(0, {"Commands": list(commands.pages())})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated pages, before MkDocs reads its navigation."""
    try:
        made = generated()
    except (links.BrokenLink, figures.NoFigures) as error:
        raise PluginError(str(error)) from error
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fills in figures, and turns links to sources into links to the repository's web page."""
    if page.file.generated_by:
        return markdown
    try:
        file = f"docs/{page.file.src_uri}"
        return links.rewrite(figures.fill(markdown), file, page.file.src_uri)
    except (links.BrokenLink, figures.NoFigures) as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error
