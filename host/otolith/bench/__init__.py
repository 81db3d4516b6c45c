"""Measures engines on the cores that this computer emulates, and runs single networks."""
