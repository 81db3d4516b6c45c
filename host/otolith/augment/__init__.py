"""Varies training sounds: other levels, rooms, microphones, noise and more.

Each augmentation has a file and a line in registry.py. pipeline.py applies them.
"""
