"""What travels with a network: one JSON object in the .tflite's metadata, named "otolith"."""

from __future__ import annotations

import json
import struct
from typing import Any

from otolith.compile.flatbuffer import Buffer
from otolith.errors import UserError

NAME = "otolith"
FIELDS = 8  # of the schema's Model table: version .. signature_defs


def read_metadata(data: bytes) -> dict[str, Any] | None:
    """The object, or None if the model carries none. A model of MLTK has what its own parameters
    amount to, if they are for a front end of this project (otolith.compile.mltk_model says why
    not)."""
    if len(data) < 16 or data[4:8] != b"TFL3":
        raise UserError("not a .tflite model: no TFL3 identifier at byte 4")
    model = Buffer(data).root()
    for entry in model.tables(6):
        if entry.text(0) != NAME:
            continue
        buffers = model.tables(4)
        number = entry.number(1, "I")
        if number >= len(buffers):
            raise UserError(f"damaged model: metadata in buffer {number} of {len(buffers)}")
        try:
            found = json.loads(buffers[number].bytes(0))
        except (ValueError, RecursionError) as error:
            raise UserError(f"damaged model: its Otolith metadata is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise UserError("damaged model: its Otolith metadata is not an object")
        return found
    from otolith.compile.mltk_model import mltk_metadata  # reads flatbuffers as well

    try:
        return mltk_metadata(data)
    except UserError:
        return None  # a network like any other


def write_metadata(data: bytes, metadata: dict[str, Any]) -> bytes:
    """`data` with the metadata added or replaced; no result of the network changes.

    A new head (model table, list of buffers, list of metadata) goes before the old bytes, which
    stay as they are: offsets in a flatbuffer are relative and point forward.
    """
    read_metadata(data)  # a damaged model gets its error here
    model = Buffer(data).root()
    text = json.dumps(metadata, sort_keys=True).encode()
    buffers = [t.position for t in model.tables(4)]
    entries = [t.position for t in model.tables(6) if t.text(0) != NAME]
    size = 256 + len(text) + 4 * (len(buffers) + len(entries))
    old = -(-size // 16) * 16  # where the old bytes go: as aligned as they were
    head = bytearray(old)

    def put(code: str, at: int, *values: int | bytes) -> None:
        struct.pack_into("<" + code, head, at, *values)

    def vector(at: int, positions: list[int]) -> None:
        """A list of tables, which must lie behind it."""
        put("I", at, len(positions))
        for number, position in enumerate(positions, 1):
            put("I", at + 4 * number, position - (at + 4 * number))

    # In this order, as offsets point forward: root, the model's vtable and table (one slot a
    # field), the two lists, the new entry and its name, the new buffer and the text in it.
    vtable, table = 8, 8 + 4 + 2 * FIELDS
    buffer_list = table + 4 + 4 * FIELDS
    entry_list = buffer_list + 4 + 4 * (len(buffers) + 1)
    entry_vtable = entry_list + 4 + 4 * (len(entries) + 1)
    entry, name = entry_vtable + 8, entry_vtable + 20
    buffer_vtable, buffer = entry_vtable + 32, entry_vtable + 40
    content = -(-(buffer + 12) // 16) * 16 - 4  # the text itself 16-byte aligned
    put("I4s", 0, table, b"TFL3")
    put("HHHH", entry_vtable, 8, 12, 4, 8)
    put("iII", entry, entry - entry_vtable, name - (entry + 4), len(buffers))
    put("I8s", name, len(NAME), NAME.encode())
    put("HHH", buffer_vtable, 6, 8, 4)
    put("iI", buffer, buffer - buffer_vtable, content - (buffer + 4))
    put(f"I{len(text)}s", content, len(text), text)
    vector(buffer_list, [old + p for p in buffers] + [buffer])
    vector(entry_list, [old + p for p in entries] + [entry])
    lists = {4: buffer_list, 6: entry_list}

    slots = []
    put("i", table, table - vtable)
    for field in range(FIELDS):
        slot = table + 4 + 4 * field
        target = lists.get(field)
        if field == 0:
            put("I", slot, model.number(0, "I"))
        elif target is not None:
            put("I", slot, target - slot)
        elif (place := model.place(field)) is not None:
            put("I", slot, old + place - slot)
        else:
            slots.append(0)
            continue
        slots.append(slot - table)
    put(f"HH{FIELDS}H", vtable, 4 + 2 * FIELDS, 4 + 4 * FIELDS, *slots)
    return bytes(head) + data
