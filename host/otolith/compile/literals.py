"""C literals: strings, numbers and array initialisers."""

from __future__ import annotations

import json

import numpy as np

from otolith.compile.graph import Values

MANY = 12  # numbers a line


def c_string(text: str) -> str:
    """A C string literal: ASCII only, no trigraphs."""
    plain = json.dumps(text)[1:-1].replace("??", '?""?')
    plain = "".join(c if " " <= c <= "~" else "?" for c in plain.replace("\\u", "u"))
    return f'"{plain}"'


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
