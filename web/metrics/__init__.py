"""What Prometheus reads."""

from web.metrics.endpoints import blueprint

__all__ = ["blueprint"]
