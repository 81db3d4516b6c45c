"""Otolith: teach a microcontroller to recognise sounds."""

from otolith.version import VERSION as __version__

__all__ = ["__version__"]
