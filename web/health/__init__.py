"""How the service is, over HTTP."""

from web.health.endpoints import blueprint

__all__ = ["blueprint"]
