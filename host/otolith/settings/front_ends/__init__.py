"""Settings of the front ends: a file each."""
