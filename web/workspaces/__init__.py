"""Workspaces over HTTP."""

from web.workspaces import commands, members, queries
from web.workspaces.blueprint import blueprint

__all__ = ["blueprint", "commands", "members", "queries"]
