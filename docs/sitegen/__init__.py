"""Generates the pages of the site that follow from the code and from bench/results.

docs/hooks.py calls it while MkDocs builds the site. Nothing here is part of the package `otolith`.
"""
