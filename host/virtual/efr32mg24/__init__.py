"""A virtual EFR32MG24 board: a model a peripheral, as far as the firmware uses them."""

from host.virtual.efr32mg24.block import MisuseError
from host.virtual.efr32mg24.chip import Chip

__all__ = ["Chip", "MisuseError"]
