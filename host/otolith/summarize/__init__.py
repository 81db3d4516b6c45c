"""Describes networks: layers, sizes, time, and the C that `host compile` writes."""
