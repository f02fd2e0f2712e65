"""A thorough look at everything that the service needs, for whoever sets it up or wonders what is wrong."""

from web.doctor.examination import CHECKS, examine, verdict

__all__ = ["CHECKS", "examine", "verdict"]
