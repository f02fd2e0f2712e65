"""A thorough look at everything that the service needs, for whoever sets it up or wonders what is wrong."""

from web.doctor.examination import AT_RELEASE, CHECKS, examine, verdict

__all__ = ["AT_RELEASE", "CHECKS", "examine", "verdict"]
