"""What those who run the service see and do over HTTP."""

from web.admin import audit, cache, dead_letters, projections, rebuilds, switch
from web.admin.blueprint import blueprint

__all__ = ["audit", "blueprint", "cache", "dead_letters", "projections", "rebuilds", "switch"]
