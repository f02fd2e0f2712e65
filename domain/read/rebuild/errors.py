"""Why a rebuild can't begin, go on or be undone."""

from __future__ import annotations

from domain.model.errors import NotFound, RuleBroken


class ProjectionNotFound(NotFound):
    """There is no projection {projection}; there are {known}."""


class RebuildNotFound(NotFound):
    """Projection {projection} has never been rebuilt."""


class RebuildRunning(RuleBroken):
    """A rebuild of projection {projection} is running."""


class NoRebuildRunning(RuleBroken):
    """No rebuild of projection {projection} is running that could be cancelled."""


class NothingKept(RuleBroken):
    """There are no former tables of projection {projection} to go back to."""


class ShapeChanged(RuleBroken):
    """The tables of projection {projection} in {schema} are not made like the live ones: a migration came between."""


class ParkedInRebuild(RuleBroken):
    """The rebuild of projection {projection} can't fold {aggregates} aggregates that the live one has folded, first of
    them {first}: {reason}."""


class RebuildPaused(RuleBroken):
    """The rebuild of projection {projection} paused, since many aggregates fail alike: {reason}."""
