"""A command that is sent again is carried out once."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from domain.model.errors import (
    IdempotencyKeyReused,
    UserNotActive,
)
from domain.model.users.commands import ActivateUser, UpdateUser
from domain.write.outcome import Idempotency, Outcome
from tests.integration.write.directory import Directory


class TestIdempotency:
    def test_the_same_request_again_gets_the_same_answer_and_does_nothing(self, acme: Directory):
        key = Idempotency("key", "print")
        first = acme.register(idempotency=key)
        head = acme.head

        again = acme.register(idempotency=key)

        assert (again.id, again.version, again.position) == (first.id, first.version, first.position)
        assert again.replayed
        assert acme.head == head

    def test_another_request_with_the_key_is_refused(self, acme: Directory):
        acme.register(idempotency=Idempotency("key", "print"))

        with pytest.raises(IdempotencyKeyReused):
            acme.register(idempotency=Idempotency("key", "other"))

    def test_a_command_that_changed_nothing_does_nothing_later_either(self, acme: Directory):
        user = acme.active_user()
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"})
        key = Idempotency("key", "print")
        same = {"user_id": user, "changes": {"first_name": "Grace"}, "idempotency": key}
        first = acme.do(UpdateUser, **same)
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Ada"})

        again = acme.do(UpdateUser, **same)

        assert (again.version, again.position) == (first.version, first.position)
        assert again.replayed

    def test_a_refused_command_may_be_tried_again_with_its_key(self, acme: Directory):
        user = acme.register().id
        key = Idempotency("key", "print")
        with pytest.raises(UserNotActive):
            acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, idempotency=key)
        acme.do(ActivateUser, user_id=user)

        assert acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, idempotency=key).version == 3

    @pytest.mark.parametrize("expected_version", [None, 1])
    def test_one_that_comes_while_the_first_is_carried_out_gets_its_answer(
        self, acme: Directory, monkeypatch: pytest.MonkeyPatch, expected_version: int | None
    ):
        # Given a request that is sent twice, and the first is carried out after the second has looked for it
        user, look = acme.register().id, acme.store.answered
        request = {"user_id": user, "expected_version": expected_version, "idempotency": Idempotency("key", "print")}
        first: list[Outcome] = []

        def looked(*arguments):
            found = look(*arguments)
            monkeypatch.setattr(acme.store, "answered", look)
            first.append(acme.do(ActivateUser, **request))
            return found

        monkeypatch.setattr(acme.store, "answered", looked)

        # When the second goes on
        again = acme.do(ActivateUser, **request)

        # Then it is not refused for what the first has done
        assert (again.version, again.position, again.replayed) == (2, first[0].position, True)

    def test_sixteen_at_once_make_one_event(self, acme: Directory):
        key, together = Idempotency("key", "print"), Barrier(16)
        outcomes: list[Outcome] = []

        def go() -> None:
            together.wait()
            outcomes.append(acme.register(idempotency=key))

        threads = [Thread(target=go) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert acme.head == 2
        assert len(outcomes) == 16
        assert len({(outcome.id, outcome.version, outcome.position) for outcome in outcomes}) == 1
        assert sum(not outcome.replayed for outcome in outcomes) == 1
