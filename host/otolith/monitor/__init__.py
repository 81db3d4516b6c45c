"""`host monitor`: a board, or a virtual one, live."""
