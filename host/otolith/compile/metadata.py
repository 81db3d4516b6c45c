"""The metadata of a .tflite: its place in the file. otolith.settings.metadata has its contents."""

from __future__ import annotations

import struct

from otolith.compile.flatbuffer import Buffer, named_metadata
from otolith.compile.mltk_model import mltk_metadata
from otolith.errors import UserError
from otolith.settings.metadata import Metadata, parse_metadata
from otolith.untrusted import load_json

NAME = "otolith"
FIELDS = 8  # of the schema's Model table: version .. signature_defs


def metadata_text(data: bytes) -> bytes | None:
    """The JSON text in a .tflite's metadata named "otolith"; None if there is no such metadata.

    Raises:
        UserError: The file is no .tflite, or damaged.
    """
    return named_metadata(data, NAME)


def read_metadata(data: bytes) -> Metadata | None:
    """The metadata of a .tflite.

    A model of MLTK carries parameters of its own. They are taken instead where a front end of this
    project computes what they ask for; otolith.compile.mltk_model tells why not.

    Args:
        data: The file's bytes.

    Returns:
        The metadata; None if the file carries none.

    Raises:
        UserError: The file is no .tflite or damaged, or a setting is missing, of the wrong type or
            out of range.
    """
    text = metadata_text(data)
    if text is None:
        try:
            return mltk_metadata(data)
        except UserError:
            return None  # a network like any other
    try:
        found = load_json(text)
    except UserError as error:
        raise UserError(f"damaged model: its Otolith metadata: {error.message}") from error
    if not isinstance(found, dict):
        raise UserError("damaged model: its Otolith metadata is not an object")
    return parse_metadata(found)


def write_metadata(data: bytes, metadata: Metadata) -> bytes:
    """A .tflite with metadata added or replaced. No result of the network changes.

    Raises:
        UserError: `data` is no .tflite, or damaged.
    """
    return embed(data, metadata.to_bytes())


def embed(data: bytes, text: bytes) -> bytes:
    """A .tflite with `text` as its metadata named "otolith".

    A new head (model table, list of buffers, list of metadata) goes before the old bytes, which
    stay as they are: offsets in a flatbuffer are relative and point forward.

    Raises:
        UserError: `data` is no .tflite, or damaged.
    """
    metadata_text(data)
    model = Buffer(data).root()
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
