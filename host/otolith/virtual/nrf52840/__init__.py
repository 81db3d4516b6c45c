"""An nRF52840 on a virtual Cortex-M4F: the linked image of a board of boards/*.json runs on models
of the registers its drivers use, written after Nordic's nRF52840 Product Specification 1.11.

What a register's model does is what the manual says and no more: no silicon has been measured.
"""

from otolith.virtual.nrf52840.chip import VirtualNrf52840

__all__ = ["VirtualNrf52840"]
