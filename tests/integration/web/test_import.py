"""POST /api/v1/users/import."""

from __future__ import annotations

import io
import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.web.service import ROOT, Service, Tenant, problem
from web.ndjson import LINE_BYTES
from web.users import importing

NDJSON = "application/x-ndjson"


def user(number: int, **changes: Any) -> bytes:
    return json.dumps(
        {"email": f"user{number}@example.com", "first_name": "Ada", "last_name": f"No {number}"} | changes
    ).encode()


def send(service: Service, by: Any, *lines: bytes, **headers: str) -> list[dict[str, Any]]:
    response = service.send(
        "POST", "/users/import", by=by, data=b"\n".join(lines), content_type=NDJSON, headers=headers
    )
    assert response.status_code == 200
    assert response.content_type == NDJSON
    return [json.loads(line) for line in response.data.splitlines()]


def test_each_line_is_a_user(service: Service, tenant: Tenant) -> None:
    results = send(service, tenant.admin, user(1), user(2), user(3))

    assert [(each["line"], each["status"], set(each)) for each in results] == [
        (line, 201, {"line", "status", "id"}) for line in (1, 2, 3)
    ]
    users = service.get(f"/users/tenant/{tenant.id}", by=tenant.admin).json["users"]
    assert [each["id"] for each in users] == [each["id"] for each in reversed(results)]


def test_each_line_fails_on_its_own(service: Service, tenant: Tenant) -> None:
    other = service.tenant()
    lines = {
        1: (user(1), 201, None),
        2: (user(1), 409, "email_taken"),
        4: (b"{", 400, "malformed"),
        5: (b"[]", 422, "validation_failed"),
        6: (b'"text"', 422, "validation_failed"),
        7: (user(7, email="x"), 422, "validation_failed"),
        8: (user(8, age=5), 422, "validation_failed"),
        9: (b"\xff", 400, "malformed"),
        10: (b'{"email": "\\ud800"}', 400, "malformed"),
        11: (b'{"email": NaN}', 400, "malformed"),
        12: (user(12, tenant_id=other.id), 404, "tenant_not_found"),
        13: (user(13, tenant_id=tenant.id), 201, None),
        14: (b"x" * (LINE_BYTES + 1), 413, "line_too_long"),
        15: (b"[" * 5000, 400, "malformed"),
        16: (user(16, first_name="a\0b"), 422, "validation_failed"),
        17: (user(17), 201, None),
    }

    results = send(service, tenant.admin, *(lines.get(line, (b"  ",))[0] for line in range(1, 18)), b"", b"\r")

    assert [(each["line"], each["status"], each.get("code")) for each in results] == [
        (line, status, code) for line, (_, status, code) in lines.items()
    ]
    for each in results:
        assert set(each) == (
            {"line", "status", "id"} if each["status"] == 201 else {"line", "status", "code", "detail"}
        )
    assert "age" in results[6]["detail"]


def test_a_byte_order_mark_before_the_first_user_is_passed_over(service: Service, tenant: Tenant) -> None:
    results = send(service, tenant.admin, BOM_UTF8 + user(1), user(2))

    assert [(each["line"], each["status"]) for each in results] == [(1, 201), (2, 201)]


def test_nothing_in_gives_nothing_out(service: Service, tenant: Tenant) -> None:
    assert send(service, tenant.admin, b"") == []
    assert send(service, tenant.admin, b"\n\n  \n") == []


def test_a_plan_holds_to_the_last_user(service: Service) -> None:
    free = service.tenant("free")

    results = send(service, free.admin, *(user(number) for number in range(8)))

    assert [each["status"] for each in results] == [201] * 5 + [409] * 3
    assert {each.get("code") for each in results[5:]} == {"quota_exceeded"}


def test_a_super_admin_names_the_tenant_on_each_line(service: Service, tenant: Tenant) -> None:
    other = service.tenant()

    results = send(
        service, ROOT, user(1, tenant_id=tenant.id), user(1, tenant_id=other.id), user(2), user(3, tenant_id=ROOT.id)
    )

    assert [each["status"] for each in results] == [201, 201, 422, 422]
    for each, owner in zip(results, (tenant, other), strict=False):
        assert service.get(f"/users/{each['id']}", by=owner.admin).status_code == 200


def test_with_a_key_an_import_can_be_sent_again(service: Service, tenant: Tenant) -> None:
    first = send(service, tenant.admin, user(1), b"{", user(2), **{"Idempotency-Key": "k"})

    again = send(service, tenant.admin, user(1), b"{", user(2), user(3), **{"Idempotency-Key": "k"})

    assert again[:3] == first
    assert again[3]["status"] == 201
    changed = send(service, tenant.admin, user(9), b"{", user(2), **{"Idempotency-Key": "k"})
    assert [(each["status"], each.get("code")) for each in changed] == [
        (422, "idempotency_key_reused"),
        (400, "malformed"),
        (201, None),
    ]


def test_without_a_key_it_can_not(service: Service, tenant: Tenant) -> None:
    send(service, tenant.admin, user(1))

    assert [each["code"] for each in send(service, tenant.admin, user(1))] == ["email_taken"]


def test_lines_past_the_limit_are_refused_one_by_one(
    service: Service, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LINES", 5)
    monkeypatch.setattr(importing, "CHUNK", 2)

    results = send(service, tenant.admin, *(user(number) for number in range(8)))

    assert [(each["line"], each["status"]) for each in results] == [
        *((line, 201) for line in range(1, 6)),
        *((line, 413) for line in range(6, 9)),
    ]
    assert results[-1]["code"] == "too_many_lines"


def test_ten_thousand_users_in_a_body_over_1_mib(service: Service) -> None:
    tenant = _large(service)
    lines = [user(number, last_name="x" * 90) for number in range(importing.LINES)]
    assert sum(map(len, lines)) > 2**20

    results = send(service, tenant.admin, *lines)

    assert [each["line"] for each in results] == list(range(1, importing.LINES + 1))
    assert {each["status"] for each in results} == {201}
    service.fold()
    summary = service.send("GET", f"/tenants/{tenant.id}/summary", by=tenant.admin).json
    assert summary["total_users"] == importing.LINES


def _large(service: Service) -> Tenant:
    body = {"name": "Large", "slug": "large", "plan": "custom", "quotas": {"users": 10_000, "workspaces": 1}}
    return Tenant(service, service.done("POST", "/tenants", body)["id"], "large")


def test_results_come_while_lines_still_go_in(
    service: Service, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 1)
    sent: list[int] = []

    class Slow:
        """A body that is made line by line as it is read."""

        def read(self, _size: int = -1) -> bytes:
            if len(sent) == 3:
                return b""
            sent.append(len(sent))
            return user(len(sent)) + b"\n"

    response = service.app.test_client().post(
        "/api/v1/users/import",
        content_type=NDJSON,
        headers={"Authorization": f"Bearer {service.token(tenant.admin)}"},
        environ_overrides={"wsgi.input": Slow(), "wsgi.input_terminated": True},
    )
    results: Iterator[bytes] = iter(response.response)
    progress = [(json.loads(next(results))["line"], len(sent)) for _ in range(3)]
    response.close()

    assert progress == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/form-data; boundary=x"])
def test_another_media_type_is_refused(service: Service, tenant: Tenant, content_type: str) -> None:
    response = service.send("POST", "/users/import", by=tenant.admin, data=user(1), content_type=content_type)

    problem(response, 415, "unsupported_media_type")


def test_who_may_import(service: Service, tenant: Tenant) -> None:
    def answer(by: Any) -> Any:
        return service.send("POST", "/users/import", by=by, data=user(1), content_type=NDJSON)

    problem(answer(None), 401, "unauthenticated")
    problem(answer(tenant.user()), 403, "forbidden")


def test_a_bad_key_is_told_before_the_answer_begins(service: Service, tenant: Tenant) -> None:
    response = service.send(
        "POST", "/users/import", by=tenant.admin, data=user(1), content_type=NDJSON, headers={"Idempotency-Key": "a b"}
    )

    problem(response, 400, "malformed")


@pytest.mark.parametrize(
    ("tag", "status", "code", "told"),
    [
        ('"3"', 412, "version_mismatch", "expected 3, found 0"),
        ('W/"3"', 412, "version_mismatch", "event_version"),
        ("3", 400, "malformed", "entity tag"),
    ],
)
def test_users_that_do_not_exist_yet_have_no_version_to_match(
    service: Service, tenant: Tenant, tag: str, status: int, code: str, told: str
) -> None:
    response = service.send(
        "POST", "/users/import", by=tenant.admin, data=user(1), content_type=NDJSON, headers={"If-Match": tag}
    )

    assert told in problem(response, status, code)["detail"]
    single = service.send("POST", "/users", json.loads(user(2)), by=tenant.admin, headers={"If-Match": tag})
    assert problem(single, status, code)["detail"] == response.json["detail"]
    assert service.get(f"/users/tenant/{tenant.id}", by=tenant.admin).json["users"] == []


def test_any_version_may_be_asked_for(service: Service, tenant: Tenant) -> None:
    results = send(service, tenant.admin, user(1), **{"If-Match": "*"})

    assert [each["status"] for each in results] == [201]


def test_a_body_longer_than_any_import_is_refused(service: Service, tenant: Tenant) -> None:
    response = service.send(
        "POST",
        "/users/import",
        by=tenant.admin,
        content_type=NDJSON,
        data=b"x",
        environ_overrides={"CONTENT_LENGTH": str(importing.LINES * (LINE_BYTES + 2) + 1)},
    )

    problem(response, 413, "request_entity_too_large")


def test_a_body_that_turns_out_too_long_ends_with_a_refusal(
    service: Service, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LINES", 1)
    body = user(1) + b"\n" + b" " * (LINE_BYTES + 2)

    response = service.send(
        "POST",
        "/users/import",
        by=tenant.admin,
        content_type=NDJSON,
        environ_overrides={"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    assert [json.loads(line)["status"] for line in response.data.splitlines()] == [201, 413]
