"""`host sweep`: searches for the best settings, with any number of workers."""
