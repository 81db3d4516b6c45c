"""An nRF52840 on a virtual Cortex-M4F: a board's linked image runs on models of its registers.

The models follow Nordic's nRF52840 Product Specification 1.11. They do what the manual says and no
more: no silicon has been measured.
"""

from otolith.virtual.nrf52840.chip import VirtualNrf52840

__all__ = ["VirtualNrf52840"]
