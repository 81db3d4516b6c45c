"""`host studio`."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

import click

from otolith.errors import UserError, shown
from otolith.progress import is_quiet


@click.command(
    epilog="""\b
Examples:
  host studio
  host studio doorbell --port 8800 --no-browser"""
)
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port.  [default: a free one]"
)
@click.option("--no-browser", is_flag=True, help="Only print the link.")
def studio(folder: Path, port: int, no_browser: bool) -> None:
    """Record, train and try models in a browser, on this computer.

    FOLDER is a project, or the folder in which projects are; the current one if it is left out.
    Nothing leaves this computer: the server answers at 127.0.0.1, and only the browser that opened
    the printed link. Ctrl-C ends it; trainings go on, and the next `host studio` shows them.
    """
    try:
        from otolith.studio import remembered
        from otolith.studio.server import application, listen, serve
    except ImportError as error:
        raise UserError("Studio is not installed: pip install -e '.[studio]'") from error

    folder = folder.resolve()
    is_project = (folder / "spec.toml").is_file()
    home, opened = (folder.parent, folder.name) if is_project else (folder, "")
    port, token = remembered.choose(home, port)
    at = listen(port)
    link = f"http://127.0.0.1:{at.getsockname()[1]}/?token={token}"
    app = application(home, token, at.getsockname()[1], opened)

    def ready() -> None:
        if not is_quiet():
            click.echo(f"Otolith Studio, projects in {shown(home)}. Ctrl-C ends it.")
        click.echo(link)
        sys.stdout.flush()
        if not no_browser:
            webbrowser.open(link)

    with remembered.remember(home, at.getsockname()[1], token):
        serve(app, at, ready)
