"""Runs the whole service on one machine that has Python and nothing else: ``python -m workers.launcher``."""
