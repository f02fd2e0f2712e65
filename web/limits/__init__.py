"""How many requests one principal and one address may send."""

from web.limits.limiter import ADDRESS_COUNTED, FAILED, Meters, address, install, install_for_principals, trust_proxies

__all__ = ["ADDRESS_COUNTED", "FAILED", "Meters", "address", "install", "install_for_principals", "trust_proxies"]
