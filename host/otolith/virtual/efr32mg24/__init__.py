"""A virtual EFR32MG24 board: a model a peripheral, as far as the firmware uses them."""

from otolith.virtual.efr32mg24.block import MisuseError
from otolith.virtual.efr32mg24.chip import Chip

__all__ = ["Chip", "MisuseError"]
