"""Figures as text, the same in tables and pages."""

from __future__ import annotations


def share(value: float | None) -> str:
    """A ratio of 0 to 1 as a percentage with one digit, or a dash for None."""
    return "-" if value is None else f"{value:.1%}"


def plain(value: float | None, digits: int = 3) -> str:
    """A number with a fixed count of digits, or a dash for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def seconds(value: float | None) -> str:
    """Milliseconds as seconds with two digits, or a dash for None."""
    return "-" if value is None else f"{value / 1000:.2f} s"
