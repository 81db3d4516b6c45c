"""One file for each group of addresses. Each has `routes()`."""
