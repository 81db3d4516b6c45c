"""Sounds to train on: generated here, or read from folders."""
