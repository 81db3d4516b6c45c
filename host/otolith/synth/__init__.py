"""Sounds made by programs."""
