"""What can't be verified or repaired."""

from __future__ import annotations

from domain.model.errors import NotFound


class AggregateNotFound(NotFound):
    """Projection {projection} has neither events nor rows of {aggregate_id} in this tenant."""
