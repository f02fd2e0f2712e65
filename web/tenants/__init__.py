"""Tenants over HTTP."""

from web.tenants import commands, queries
from web.tenants.blueprint import blueprint

__all__ = ["blueprint", "commands", "queries"]
