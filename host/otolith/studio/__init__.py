"""Otolith Studio: a server on this computer and the pages that it shows in a browser.

A file in areas/ answers one page's requests, with the functions that the commands call. Long work
runs in processes of its own (jobs.py).
"""
