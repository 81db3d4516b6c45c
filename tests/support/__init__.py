"""Helpers that tests share: boards, models, sounds and reference implementations."""
