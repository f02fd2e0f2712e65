from __future__ import annotations

import pytest

from domain.cache.answer import Found
from domain.cache.single_flight import Flights
from domain.model.position import Position

ANSWER = Found(b"{}", Position(1, 5), (), 0.0, "load")


def test_the_first_leads_and_the_others_join():
    flights = Flights()
    flight, leads = flights.board("k", 0)
    joined, also_leads = flights.board("k", 0)

    assert (leads, also_leads) == (True, False)
    assert joined is flight


def test_those_who_ask_for_another_position_fly_by_themselves():
    flights = Flights()
    flights.board("k", 0)
    assert flights.board("k", 7)[1]
    assert flights.board("other", 0)[1]


def test_an_answer_from_before_one_came_is_not_for_him():
    flights = Flights()
    flight, _ = flights.board("k", 0)
    flight.land(ANSWER, current_at=10.0)
    flights.end("k", 0)

    assert flight.wait(0, arrived=10.0) == ANSWER
    assert flight.wait(0, arrived=10.1) is None
    assert flights.board("k", 0)[1]


def test_what_the_load_raises_reaches_all_who_joined():
    flights = Flights()
    flight, _ = flights.board("k", 0)
    joined = [flights.board("k", 0)[0] for _ in range(4)]

    flight.crash(ValueError("no"))
    flights.end("k", 0)

    for each in joined:
        with pytest.raises(ValueError, match="no"):
            each.wait(1, 0.0)


def test_nobody_waits_for_ever():
    flight, _ = Flights().board("k", 0)
    assert flight.wait(0.01, 0.0) is None
