"""Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence


def cell(text: object) -> str:
    """Text for a table's cell."""
    parts = " ".join(str(text).split()).split("`")  # in code, | is no end of a cell
    parts[::2] = [part.replace("|", "&#124;") for part in parts[::2]]
    return "`".join(parts)


def table(head: Sequence[str], rows: Sequence[Sequence[object]], numbers: bool = False) -> str:
    """A table.

    Args:
        head: Titles of the columns.
        rows: The cells.
        numbers: Whether to align all columns but the first to the right.
    """
    rule = ["---", *(["---:" if numbers else "---"] * (len(head) - 1))]
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(cell(x) for x in line) + " |" for line in lines) + "\n"
