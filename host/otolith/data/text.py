"""Decodes tables and label files written by programs on other systems."""

from __future__ import annotations

import codecs


def decode(data: bytes) -> str:
    """Decode text in UTF-8, UTF-16, Windows-1252 or Latin-1.

    A byte order mark is optional. Invalid characters never raise an exception.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    start = data[:1000]
    if start.count(0) > len(start) // 4:
        # in UTF-16, every other byte of Latin text is zero
        odd = start[1::2].count(0) >= start[::2].count(0)
        return data.decode("utf-16-le" if odd else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def delimiter_of(line: str) -> str:
    """The delimiter of a table (comma, semicolon or tab), guessed from its first line."""
    return max(",;\t", key=lambda c: (line.count(c), c == ","))
