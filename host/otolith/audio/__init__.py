"""Samples: reading, resampling and writing sound files, levels, and where the sounds are."""
