"""Pages: plots and HTML from results that other rooms measured."""
