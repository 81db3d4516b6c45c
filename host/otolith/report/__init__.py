"""What people look at: sizes, plots, HTML."""
