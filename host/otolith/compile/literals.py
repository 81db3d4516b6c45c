"""C literals: strings, numbers and array initialisers."""

from __future__ import annotations

import numpy as np

from otolith.compile.graph import Values

MANY = 12  # numbers a line


def c_string(text: str) -> str:
    """A C string literal that holds exactly `text`, in UTF-8.

    The literal is printable ASCII. It has no trigraphs, no universal character names and no escape
    that could swallow the next character.
    """
    parts: list[str] = []
    for byte in text.encode("utf-8", "replace"):
        character = chr(byte)
        if character in '"\\' or (character == "?" and parts and parts[-1] in ("?", "\\?")):
            parts.append("\\" + character)
        elif " " <= character <= "~":
            parts.append(character)
        else:
            parts.append(f"\\{byte:03o}")
    return '"' + "".join(parts) + '"'


def c_array(values: Values) -> str:
    """The initialiser of a C array of integers."""
    flat = [int(v) for v in values.ravel()]
    lines = [
        "    " + ", ".join(map(c_int, flat[i : i + MANY])) + "," for i in range(0, len(flat), MANY)
    ]
    return "{\n" + "\n".join(lines) + "\n}"


def c_int(value: int) -> str:
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def c_float(value: float) -> str:
    """A float literal that reads back as the same float32."""
    return f"{float(np.float32(value)).hex()}f"
