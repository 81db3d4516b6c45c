"""`host record`: records labelled WAV files from a microphone."""

from __future__ import annotations

import contextlib
import json
import sys
import wave
from dataclasses import asdict
from pathlib import Path

import click

from otolith.audio import RATE
from otolith.audio.blocks import Source
from otolith.audio.wav import MAX_SECONDS
from otolith.data.metadata import SETS, Row
from otolith.data.names import check_label
from otolith.device.transports import BAUD, SerialTransport, find_ports
from otolith.errors import UserError
from otolith.record.meter import Meter, make_meter
from otolith.record.microphone import Microphone, choose, list_devices
from otolith.record.serial_microphone import SerialMicrophone
from otolith.record.session import Plan, Session, Take
from otolith.record.stop import Stop
from otolith.record.store import Store
from otolith.record.stretch import Stretch


class Number(click.FloatRange):
    """A range of numbers that does not accept NaN."""

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        return self.fail(f"{value!r} is not a number", param, ctx) if number != number else number


def open_source(device: str | None, port: str | None, baud: int) -> Source:
    """Open the microphone that the options name.

    Args:
        device: Name or number of a PortAudio device. None: the Otolith microphone.
        port: Serial port of a board. It takes precedence over `device`.
        baud: Baud rate of the port, where it is a UART.

    Raises:
        UserError: There is no such microphone, or it can't be opened.
    """
    if port:
        return SerialMicrophone(port, lambda name: SerialTransport(name, baud))
    return Microphone(device)


def check_source(device: str | None, port: str | None) -> None:
    """Raise UserError if there is no such microphone. A serial port is not checked."""
    if not port:
        choose(list_devices(), device)


def _show_devices(as_json: bool) -> None:
    """List microphones, with Otolith's marked, and boards at serial ports."""
    ports = find_ports()
    try:
        devices = list_devices()
    except UserError as error:
        if not ports:
            raise
        click.echo(error.message, err=True)
        devices = []
    if as_json:
        for device in devices:
            click.echo(json.dumps({**asdict(device), "otolith": device.is_ours}))
        for port in ports:
            click.echo(json.dumps({"serial": port, "otolith": True}))
        return
    for device in devices:
        ours = "  <- Otolith" if device.is_ours else ""
        about = f"{device.system}, {device.channels} channels, {device.rate:.0f} Hz"
        click.echo(f"{device.number:3}  {device.name}  ({about}){ours}")
    for port in ports:
        click.echo(f"--serial {port}  <- Otolith")
    if not devices and not ports:
        click.echo("no microphones", err=True)


def _ask(name: str, value: str | None, choices: tuple[str, ...] = ()) -> str:
    """The value of an option, or the answer of the user at the terminal."""
    if value is not None or not sys.stdin.isatty():
        return value or ""
    kind = click.Choice(("", *choices)) if choices else str
    hint = f"{'|'.join(choices)}, " if choices else ""
    return click.prompt(
        f"{name} ({hint}Enter: none)",
        default="",
        show_default=False,
        show_choices=False,
        type=kind,
        err=True,
    )


def _describe(take: Take) -> str:
    """Describe a take in a line."""
    if not take.kept:
        return f"rejected: {take.reason}"
    peak, rms = take.peak_dbfs, take.rms_dbfs
    levels = f"peak {peak:.1f} dBFS, RMS {rms:.1f} dBFS" if peak is not None else "no signal"
    return f"{take.file}  {take.seconds:.2f} s  {levels}"


def _tell_leftovers(store: Store, meter: Meter) -> None:
    for path in store.leftovers():
        with contextlib.suppress(OSError, EOFError, wave.Error), wave.open(str(path)) as file:
            meter.tell(
                f"{path}: {file.getnframes() / RATE:.1f} s of a recording that was cut short: "
                "rename it to keep it, or delete it",
                err=True,
            )


@click.command(
    epilog="""\b
Examples:
  host record fire_alarm
  host record yes --count 20 --seconds 1 --trim --speaker anna --set train
  host record knock --continuous --seconds 1 --duration 600
  host record background --seconds 300 --silence -100
  host record beep --serial /dev/ttyACM0 --json"""
)
@click.argument("label", required=False)
@click.option(
    "--dataset",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dataset"),
    show_default=True,
    help="Folder of the dataset.",
)
@click.option("--device", metavar="NAME|NUMBER", help="Microphone.  [default: Otolith Mic]")
@click.option("--serial", "port", metavar="PORT", help="Record from a board at a serial port.")
@click.option(
    "--baud",
    type=click.IntRange(300, 4_000_000),
    default=BAUD,
    show_default=True,
    help="Baud rate of --serial, where it is a UART.",
)
@click.option("--list", "show_list", is_flag=True, help="Show microphones and boards, then stop.")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    help="Takes to keep.  [default: 1; --continuous: until Ctrl-C]",
)
@click.option(
    "--seconds",
    type=Number(0.1, MAX_SECONDS),
    help="Length of a take. With --trim or --continuous, every take has exactly this length, with "
    "the sound in its middle.  [default: 1; --continuous: as long as the sound]",
)
@click.option("--trim", is_flag=True, help="Trim silence from both ends of a take.")
@click.option(
    "--continuous",
    "--split",
    "continuous",
    is_flag=True,
    help="Record without pause and make a take of every sound.",
)
@click.option(
    "--duration",
    type=Number(0.1, MAX_SECONDS),
    help="Seconds to record with --continuous.  [default: until Ctrl-C]",
)
@click.option(
    "--countdown",
    type=Number(0, 60),
    default=3.0,
    show_default=True,
    help="Seconds before a take.",
)
@click.option(
    "--silence",
    type=Number(-120, 0),
    default=-60.0,
    show_default=True,
    help="dBFS. Takes whose loudest tenth of a second is below this are rejected.",
)
@click.option(
    "--gain",
    type=Number(-60, 60),
    default=0.0,
    show_default=True,
    help="dB to amplify takes by.",
)
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Give up when takes were rejected this many times in a row.",
)
@click.option("--speaker", help="Who or what is heard.")
@click.option("--set", "set_", type=click.Choice(SETS), help="Set of the takes.")
@click.option("--note", help="Any remark.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each take.")
def record(
    label: str | None,
    dataset: Path,
    device: str | None,
    port: str | None,
    baud: int,
    show_list: bool,
    count: int | None,
    seconds: float | None,
    trim: bool,
    continuous: bool,
    duration: float | None,
    countdown: float,
    silence: float,
    gain: float,
    attempts: int,
    speaker: str | None,
    set_: str | None,
    note: str | None,
    as_json: bool,
) -> None:
    """Record takes of LABEL as 16 kHz, 16-bit WAV files in DATASET/LABEL and rows in metadata.csv.

    A take that is silent, clipped or has lost samples is recorded again. Ctrl-C stops at any time.
    The current take is kept if it is at least a second long.
    """
    if show_list:
        _show_devices(as_json)
        return
    if label is None:
        raise click.UsageError("LABEL is missing: name what you record")
    if device is not None and port is not None:
        raise click.UsageError("--device and --serial name two microphones: choose one")
    if duration is not None and not continuous:
        raise click.UsageError("--duration is for --continuous; the length of takes is --seconds")
    row = Row("", check_label(label), gain=f"{gain:g}")
    plan = Plan(
        count=count if count or continuous else 1,
        seconds=seconds or 1.0,
        fixed=seconds is not None or not (trim or continuous),
        trim=trim,
        duration=duration,
        countdown=countdown,
        silence_db=silence,
        gain_db=gain,
        attempts=attempts,
    )
    check_source(device, port)
    row.speaker = _ask("Speaker", speaker)
    row.set = _ask("Set", set_, SETS)
    row.note = _ask("Note", note)
    with (
        Stop() as stop,
        contextlib.closing(Store(dataset, row)) as store,
        contextlib.closing(open_source(device, port, baud)) as source,
        make_meter() as meter,
    ):
        row.device = source.name

        def report(take: Take) -> None:
            if as_json:
                meter.tell(json.dumps(take.json()))
            else:
                meter.tell(_describe(take), err=not take.kept)

        _tell_leftovers(store, meter)
        session = Session(plan, source, store, meter, stop, report)
        if continuous:
            Stretch(session).run()
        else:
            session.run()
    if stop.signal is not None and not continuous:
        sys.exit(128 + stop.signal)
    if continuous and not session.kept:
        raise UserError("no take was kept: no sound stood out, or all were rejected (--silence)")
