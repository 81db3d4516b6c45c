"""A user's own project: its folder, and what its spec leaves to defaults."""
