"""How many requests one principal and one address may send."""

from web.limits.limiter import FAILED, install, install_for_principals

__all__ = ["FAILED", "install", "install_for_principals"]
