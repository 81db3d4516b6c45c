"""A front end's constants as a C struct.

The same numbers become a struct in memory on this computer, or C source for the chip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cffi
import numpy as np

C_TYPES = {
    "int16": "int16_t",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "uint64": "uint64_t",
}


@dataclass(frozen=True)
class Struct:
    """A C struct.

    Attributes:
        ctype: Name of the C type.
        members: Values by name. An array or a Struct becomes a pointer to it. None becomes NULL.
        header: Header that declares the type; may be empty.
        inline: Names of the arrays that are part of the struct itself.
        room: Names of the arrays that the C code writes to; they begin as zeros.
    """

    ctype: str
    members: dict[str, Any]
    header: str = ""
    inline: tuple[str, ...] = ()
    room: tuple[str, ...] = ()


def in_memory(ffi: cffi.FFI, struct: Struct) -> tuple[Any, list]:
    """Makes the struct in memory.

    Returns:
        A pointer to the struct, and the objects that must live as long as the struct is used.
    """
    alive: list = []
    values: dict[str, Any] = {}
    for name, value in struct.members.items():
        if isinstance(value, Struct):
            values[name], inner = in_memory(ffi, value)
            alive += inner
        elif isinstance(value, np.ndarray) and name in struct.inline:
            values[name] = value.tolist()
        elif isinstance(value, np.ndarray):
            values[name] = ffi.new(f"{C_TYPES[value.dtype.name]}[]", value.tolist())
            alive.append(values[name])
        else:
            values[name] = ffi.NULL if value is None else value
    made = ffi.new(f"{struct.ctype} *", values)
    return made, [*alive, made]


def _lines(values: list[int]) -> str:
    rows = (values[i : i + 16] for i in range(0, len(values), 16))
    return ",\n    ".join(", ".join(map(str, row)) for row in rows)


def in_c(struct: Struct, name: str) -> str:
    """Writes C source that defines `static const <ctype> <name>` and everything it points to."""
    before, members = [], []
    for member, value in struct.members.items():
        if isinstance(value, Struct):
            before.append(in_c(value, f"{name}_{member}"))
            text = f"&{name}_{member}"
        elif isinstance(value, np.ndarray) and member in struct.inline:
            text = f"{{{_lines(value.tolist())}}}"
        elif isinstance(value, np.ndarray) and member in struct.room:
            kind = C_TYPES[value.dtype.name]
            before.append(f"static {kind} {name}_{member}[{len(value)}];\n")
            text = f"{name}_{member}"
        elif isinstance(value, np.ndarray):
            kind = C_TYPES[value.dtype.name]
            before.append(
                f"static const {kind} {name}_{member}[] = {{\n    {_lines(value.tolist())}}};\n"
            )
            text = f"{name}_{member}"
        else:
            text = "NULL" if value is None else str(int(value))
        members.append(f"    .{member} = {text},\n")
    return f"{''.join(before)}static const {struct.ctype} {name} = {{\n{''.join(members)}}};\n"


def headers(struct: Struct) -> list[str]:
    """The headers that the source from `in_c` needs."""
    found = [struct.header] if struct.header else []
    for value in struct.members.values():
        if isinstance(value, Struct):
            found += headers(value)
    return found
