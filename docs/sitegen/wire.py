"""The reference of the wire protocol, from lib/wire, the apps and otolith.device.records."""

from __future__ import annotations

import inspect
import re
import typing

import msgspec

from otolith.device import records
from otolith.device.frames import MAX_DATA, MAX_LINE
from otolith.device.records import Line
from otolith.paths import ROOT
from otolith.settings.detect import RANGES, SWITCHES
from otolith.version import PROTOCOL
from sitegen.tables import table

# Sources of the apps' tables of commands, and how the page calls the apps.
APPS = {
    "firmware/inference/main.c": "inference",
    "lib/app/src/pcm_stream.c": "usb_mic, serial_mic",
    "firmware/bench/main.c": "bench",
}
ARGUMENTS = {"NO_ARGUMENT": "", "SWITCH": " on|off", "NUMBER": " NUMBER"}
TEXTS = {
    "hello": "who the board is: a `hello` line",
    "version": "the same as `hello`",
    "stats": "a `stats` line now; one comes every second",
    "scores": "send a `scores` line for every hop",
    "features": "send a frame `F` for every feature frame",
    "pcm": "send a frame `P` for every block of samples",
    "inject": "hear so many samples from frames `P` in place of the microphone",
    "restart": "forget all sound heard so far",
    "reset": "restart the board",
    "bootsel": "restart into the boot loader",
    "counter": "send a counter in place of the microphone's samples",
    "run": "take the network's inputs from frames `T` and run it once",
    "crash": "cause a fault, for tests",
    "stall": "stop feeding the watchdog, for tests",
    "get": "settings in force: `get detect`, `get microphone`",
    "set": "change a setting: `set detect.threshold 0.8`, `set microphone.gain_db 12`",
}


def commands() -> dict[str, tuple[str, list[str]]]:
    """Name -> (argument, apps) of every command in the apps' tables."""
    found: dict[str, tuple[str, list[str]]] = {}
    for file, app in APPS.items():
        text = (ROOT / file).read_text()
        for name, argument in re.findall(r'\{"(\w+)", WIRE_(\w+), \w+\}', text):
            found.setdefault(name, (ARGUMENTS[argument], []))[1].append(app)
        for listed in re.findall(r"wire_text_command_t \w+\[\] = \{(.*?)\};", text):
            for name in re.findall(r'\{"(\w+)", \w+\}', listed):
                found.setdefault(name, (" TEXT", []))[1].append(app)
    return found


def _limits(meta: msgspec.Meta) -> str:
    if meta.max_length is not None:
        return f"up to {meta.max_length}"
    low, high = meta.ge, meta.le
    shown = [f"{x:,}" if isinstance(x, int) and abs(x) < 2**31 else x for x in (low, high)]
    shown = [f"2^{high.bit_length() - 1}" if x == high and x == 2**53 else x for x in shown]
    return f"{shown[0]} to {shown[1]}"


_WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def _type(hint: object) -> str:
    """A field's type and limits in words."""
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if type(None) in arguments:
        rest = [a for a in arguments if a is not type(None)]
        return f"{_type(rest[0])}; may be missing"
    if origin is list:
        inner = _type(arguments[0])
        return f"list of: {inner}"
    if hasattr(hint, "__metadata__"):
        meta = hint.__metadata__[0]
        inner = _type(hint.__origin__)
        unit = " entries" if inner.startswith("list") else ""
        unit = " characters" if inner == "text" else unit
        return f"{inner}, {_limits(meta)}{unit}"
    if inspect.isclass(hint) and issubclass(hint, msgspec.Struct):
        return "object: settings by name"
    return _WORDS.get(typing.cast(type, hint), str(hint))


def lines() -> list[type[Line]]:
    """The records of all events of the protocol, in the order of the source."""
    return list(records._RECORDS.values())


def _event(record: type[Line]) -> str:
    text = inspect.cleandoc(record.__doc__ or "")
    head, _, rest = text.partition("\n")
    own = [f for f in msgspec.structs.fields(record) if f.name not in ("event", "told")]
    hints = typing.get_type_hints(record, include_extras=True)
    parts = [f"### {record.EVENT}\n", head + "\n"]
    if rest.strip():
        parts.append(" ".join(rest.split()) + "\n")
    if own:
        parts.append(
            table(("field", "value"), [(f"`{f.name}`", _type(hints[f.name])) for f in own])
        )
    return "\n".join(parts)


def page() -> str:
    """The reference page of the wire protocol."""
    told = [
        (f"`{name}{argument}`", TEXTS[name], ", ".join(apps))
        for name, (argument, apps) in commands().items()
    ]
    settings = ", ".join(f"`detect.{name}`" for name in (*RANGES, *SWITCHES))
    return "\n".join(
        [
            "# The wire protocol\n",
            f"Protocol {PROTOCOL}. This page is generated from lib/wire, the apps' tables of "
            "commands and host/otolith/device/records.py. Board and computer talk over USB CDC or "
            "a UART.\n",
            "- The computer sends **commands**: a line of text of up to 95 bytes.\n"
            f"- The board answers with **lines of JSON**, one object a line, up to {MAX_LINE:,} "
            "bytes. Each has a field `event`.\n"
            "- Sound, features and tensors travel as **binary frames** in both directions, between "
            "lines.\n",
            "A board that nobody reads from drops lines and frames whole, and counts them in "
            "`stats`.\n",
            "## Commands\n",
            table(("command", "what it does", "apps"), told),
            f"`set` and `get` know {settings}, `detect.threshold` and `detect.threshold.LABEL`. "
            "[Deciding](../deciding.md) explains them. `set microphone.gain_db` takes -40 to 60 "
            "dB, and the board answers it with a `microphone` line.\n",
            "The board answers a command with `ok`, with the line that was asked for, or with "
            "`error`.\n",
            "## Frames\n",
            "    0x00  COBS(payload, CRC-32 of the payload, little-endian)  0x00\n"
            "    payload: type (1 byte), flags (1 byte, 0), sequence number (2 bytes), data\n",
            table(
                ("type", "data"),
                (
                    ("`P`", "PCM: int16, little-endian, 16 kHz, mono"),
                    ("`F`", "one frame of features: int16, little-endian"),
                    ("`T`", "a tensor's bytes"),
                ),
            ),
            f"A frame holds at most {MAX_DATA:,} bytes of data. The CRC is that of zlib and "
            "Ethernet. The sequence number tells of lost frames.\n",
            "## Lines from a board\n",
            "Fields that a newer board adds are ignored. A line with a field of another type or "
            "beyond the limits below is reported as an error of the board.\n",
            *(_event(record) for record in lines()),
        ]
    )
