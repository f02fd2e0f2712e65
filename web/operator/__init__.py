"""The page at /admin, where people run the service: the same that web.admin gives to programs, for eyes and hands."""

from web.operator import cache, dead_letters, files, overview, processes, projections, rebuilds, sign_in, tenants
from web.operator.blueprint import blueprint

__all__ = [
    "blueprint",
    "cache",
    "dead_letters",
    "files",
    "overview",
    "processes",
    "projections",
    "rebuilds",
    "sign_in",
    "tenants",
]
