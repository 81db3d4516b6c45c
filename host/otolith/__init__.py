"""Otolith: teach a microcontroller to recognise sounds."""

__version__ = "0.1.0"
