"""Rebuilding a projection from its events while it goes on to be read and written."""
