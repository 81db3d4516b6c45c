"""The listening chain on this computer."""
