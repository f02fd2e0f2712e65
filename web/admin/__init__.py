"""What those who run the service see and do over HTTP."""

from web.admin import projections, rebuilds
from web.admin.blueprint import blueprint

__all__ = ["blueprint", "projections", "rebuilds"]
