"""Pages: plots and HTML from results that other subpackages measured."""
