"""Build systems that a model can be exported for, a file each."""
