"""Users over HTTP."""

from web.users import commands, importing, queries
from web.users.blueprint import blueprint

__all__ = ["blueprint", "commands", "importing", "queries"]
