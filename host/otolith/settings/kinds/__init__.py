"""Kinds of model: the settings a spec gets for what it does not say, a file each."""
