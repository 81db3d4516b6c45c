"""`host monitor`: what a board hears, live."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from otolith.data.collected import LIMIT_MB, NEAR_SHARE
from otolith.data.options import collect_options
from otolith.errors import UserError
from otolith.monitor.board import attached, virtual
from otolith.monitor.collecting import Collecting
from otolith.monitor.lines import Lines, Summary
from otolith.monitor.recording import Recording
from otolith.monitor.screen import Screen
from otolith.monitor.session import Keeper, Session, View
from otolith.progress import remark
from otolith.record.stop import Stop

PATH = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Examples:
  host monitor --port /dev/ttyACM0
  host monitor --json --seconds 60 > heard.jsonl
  host monitor --record evening --seconds 3600
  host monitor --collect evenings
  host monitor --virtual models/fire_alarm --audio alarm.wav"""
)
@click.option("--port", "-p", help="Serial port. [default: that of the only board attached]")
@click.option(
    "--virtual",
    "virtual_board",
    type=PATH,
    metavar="MODEL|IMAGE",
    help="A virtual board, with this firmware image or with firmware built around this network.",
)
@click.option(
    "--model",
    "more",
    type=PATH,
    multiple=True,
    help="A further network for the virtual board's firmware; repeat it.",
)
@click.option("--gate", help="Of several networks, the one that gates the others.")
@click.option("--audio", type=PATH, help="Sound file that the virtual board's microphone hears.")
@click.option("--board", help="Which virtual board: see `host virtual boards`.  [default: pico]")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    help="Stop after so long; of a virtual board's time.  [default: Ctrl-C; --audio: the sound and "
    "the room tone after it]",
)
@click.option("--json", "as_json", is_flag=True, help="Every line of the board as it is.")
@click.option("--plain", is_flag=True, help="One line a detection, no live display.")
@click.option("--scores", is_flag=True, help="With --json: the scores of every hop too.")
@click.option(
    "--record",
    type=PATH,
    metavar="DIR",
    help="Keep audio.wav, features.npy, events.jsonl and session.json in this new folder.",
)
@collect_options
def monitor(
    port: str | None,
    virtual_board: Path | None,
    more: tuple[Path, ...],
    gate: str | None,
    audio: Path | None,
    board: str | None,
    seconds: float | None,
    as_json: bool,
    plain: bool,
    scores: bool,
    record: Path | None,
    collect: Path | None,
    near: float | None,
    limit: float | None,
) -> None:
    """Show what a board hears, live, until Ctrl-C: scores, level, time a hop takes, CPU.

    Without a terminal it prints a line for each detection. `host classify DIR/audio.wav` makes the
    same events again of what --record keeps, unless samples were missing, which the command says.
    """
    if virtual_board and port:
        raise UserError("--port and --virtual name two boards: choose one")
    if not virtual_board and (audio or board or more or gate):
        raise UserError("--audio, --board, --model and --gate are for --virtual boards")
    if scores and not as_json:
        raise UserError("--scores goes with --json; a terminal shows them anyway")
    if record and collect:
        raise UserError("--record and --collect keep the same sound: choose one")
    if not collect and (near is not None or limit is not None):
        raise UserError("--near and --collect-limit go with --collect")
    opened = (
        virtual(virtual_board, audio, board or "pico", more, gate)
        if virtual_board
        else attached(port)
    )
    with Stop() as stop, opened as listening, contextlib.ExitStack() as stack:
        hello, summary = listening.hello, Summary()
        hears = hello.app == "inference"
        several = bool(hello.models)
        live = hears and sys.stdout.isatty() and not (as_json or plain)
        if several and collect:
            raise UserError(
                "--collect is for one network, the board has several: keep the whole sound with "
                "--record DIR, then run host classify DIR/audio.wav --model MODEL --collect CLIPS"
            )
        each = listening.client.settings_of_each() if several and (live or record) else {}
        recording: Keeper | None = None
        if collect:
            recording = Collecting(
                collect, hello, listening.client.settings(), near or NEAR_SHARE, limit or LIMIT_MB
            )
        if record:
            heard = audio.name if audio else "its microphone"
            about: dict[str, object] = {"board": listening.name, "heard": heard}
            if several:  # events depend on them
                about["detect"] = {name: of.to_json() for name, of in each.items()}
            elif hears:
                about["detect"] = listening.client.settings().to_json()
            recording = Recording(record, hello, about)
        view: View
        if live:
            from rich.live import Live

            events = {
                name: [n for n, t in enumerate(of.thresholds.values()) if t > 0]
                for name, of in each.items()
            }
            view = Screen(hello, events)
            stack.enter_context(Live(view, refresh_per_second=10))
        else:
            view = Lines(as_json)
            view.take(hello)
        modes = ["scores"] if hears and (live or scores or record or collect) else []
        modes += ["features"] if record else []
        modes += ["pcm"] if record or collect else []
        session = Session(listening.client, [summary, view], modes, recording)
        kept = session.run(listening.seconds if seconds is None else seconds, stop, listening.begin)
    remark(summary.line(session.seconds))
    if kept:
        remark(kept)
