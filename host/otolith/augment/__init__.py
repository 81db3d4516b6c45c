"""Training sounds as they might have been: louder, elsewhere, through another microphone.

Each augmentation is one file and one line of registry.py; pipeline.py applies them.
"""
