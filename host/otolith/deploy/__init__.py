"""Deployment: build firmware around a model, upload or boot it, play it sounds, judge it."""
