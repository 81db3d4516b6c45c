"""`host sweep`: a search for settings, by as many workers as care to join."""
