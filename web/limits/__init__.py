"""How many requests one principal and one address may send."""

from web.limits.limiter import install, install_for_principals

__all__ = ["install", "install_for_principals"]
