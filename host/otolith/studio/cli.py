"""`host studio`."""

from __future__ import annotations

import os
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
  host studio doorbell --port 8800 --no-browser
  host studio --listen                             others on the network, with a password"""
)
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port.  [default: a free one]"
)
@click.option("--no-browser", is_flag=True, help="Only print the link.")
@click.option(
    "--listen", "shared", is_flag=True, help="Let others on the network in, with a password."
)
def studio(folder: Path, port: int, no_browser: bool, shared: bool) -> None:
    """Record, train and try models in a browser, on this computer.

    FOLDER is a project, or the folder in which projects are; the current one if it is left out.
    Nothing leaves this computer: the server answers at 127.0.0.1, and only the browser that opened
    the printed link. Ctrl-C ends it; trainings go on, and the next `host studio` shows them.

    With --listen, others on the network can open the pages with a password, which is asked for; the
    environment variable OTOLITH_STUDIO_PASSWORD gives it instead.
    """
    try:
        from otolith.studio import remembered, sharing
        from otolith.studio.server import HOST, application, listen, serve
    except ImportError as error:
        raise UserError("Studio is not installed: pip install -e '.[studio]'") from error

    folder = folder.resolve()
    is_project = (folder / "spec.toml").is_file()
    home, opened = (folder.parent, folder.name) if is_project else (folder, "")
    port, token = remembered.choose(home, port)
    password = _password() if shared else ""
    door = sharing.Door(password) if shared else None
    at = listen(port, sharing.ANYWHERE if shared else HOST)
    link = f"http://127.0.0.1:{at.getsockname()[1]}/?token={token}"
    app = application(home, token, at.getsockname()[1], opened, door)

    def ready() -> None:
        if not is_quiet():
            click.echo(f"Otolith Studio, projects in {shown(home)}. Ctrl-C ends it.")
        click.echo(link)
        if shared:
            _tell_shared(at.getsockname()[1], password)
        sys.stdout.flush()
        if not no_browser:
            webbrowser.open(link)

    with remembered.remember(home, at.getsockname()[1], token):
        serve(app, at, ready)


def _password() -> str:
    from otolith.studio.sharing import check_password

    given = os.environ.get("OTOLITH_STUDIO_PASSWORD", "")
    if not given and sys.stdin.isatty():
        given = click.prompt(
            "Password for others on the network (Enter: a random one)",
            default="",
            hide_input=True,
            show_default=False,
            err=True,
        )
    return check_password(given)


def _tell_shared(port: int, password: str) -> None:
    from otolith.studio import sharing

    found = [f"http://{address}:{port}/" for address in sharing.addresses()]
    click.echo(f"\nOpen to the network: {', '.join(found) or f'port {port} of this computer'}")
    click.echo(f"Password: {password}")
    click.echo(sharing.OPENED)
