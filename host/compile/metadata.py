"""What travels with a network: one JSON object in the .tflite's metadata, named "otolith"."""

from __future__ import annotations

import json

import numpy as np

from host.compile.flatbuffer import Buffer
from host.errors import UserError

NAME = "otolith"


def read_metadata(data: bytes) -> dict | None:
    """The object, or None if the model carries none."""
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
        except ValueError as error:
            raise UserError(f"damaged model: its Otolith metadata is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise UserError("damaged model: its Otolith metadata is not an object")
        return found
    return None


def write_metadata(data: bytes, metadata: dict) -> bytes:
    """`data` with the metadata added or replaced; no result of the network changes.

    Repacks the file with the schema TensorFlow carries, so it needs the `train` extra.
    """
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    model.metadata = [m for m in model.metadata or [] if m.name != NAME.encode()]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(json.dumps(metadata, sort_keys=True).encode(), np.uint8)
    entry = schema.MetadataT()
    entry.name = NAME
    entry.buffer = len(model.buffers)
    model.buffers.append(buffer)
    model.metadata.append(entry)
    builder = flatbuffers.Builder(len(data) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
