"""The service in this process, for what is compared with it."""

from tests.integration.web.conftest import app, service, settings, tenant

__all__ = ["app", "service", "settings", "tenant"]
