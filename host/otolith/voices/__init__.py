"""Speech synthesisers. An engine is one file here and one line in registry.py."""
