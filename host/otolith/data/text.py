"""Text of tables and label files, as programs on other systems write them."""

from __future__ import annotations

import codecs


def decode(data: bytes) -> str:
    """Decode UTF-8, UTF-16 (both with or without a byte order mark) or Latin-1 (Windows-1252)."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    start = data[:1000]
    if start.count(0) > len(start) // 4:
        # Latin text in UTF-16: every other byte is zero
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
    """The character between the fields of a table, judged by its first line."""
    return max(",;\t", key=lambda c: (line.count(c), c == ","))
