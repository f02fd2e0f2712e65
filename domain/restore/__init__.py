"""Backups of the event store: taking them, putting them back, and proving beforehand that this works."""
