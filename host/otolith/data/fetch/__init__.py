"""Public data sets: where they are, how they are laid out, and how they become datasets."""
