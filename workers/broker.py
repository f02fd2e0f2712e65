"""The worker's end of Dramatiq."""

from __future__ import annotations

import os

import dramatiq

from domain.settings import broker_url
from workers.redis_broker import make_broker
from workers.tracing import Tracing
from workers.wiring import Wiring

#: The parts that the actors of this process use.
wiring = Wiring()

#: Actors are declared on it at import, so it is made at import; it connects when it is used.
broker = make_broker(broker_url(os.environ) or "redis://127.0.0.1:6379/0", timeout=2.0, middleware=[wiring, Tracing()])
dramatiq.set_broker(broker)
