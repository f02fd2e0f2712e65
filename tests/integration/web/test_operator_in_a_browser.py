"""What a browser is given and may do with it, and what the pages say to what is odd."""

from __future__ import annotations

import pytest

from tests.integration.web.operators import OWN, SIGN_IN, Operator, fields_of, pages
from tests.integration.web.service import Service
from tests.integration.web.test_garbage import BODIES, SEGMENTS, fill


@pytest.fixture
def root(service: Service) -> Operator:
    return Operator(service)


def test_what_a_browser_may_do_with_a_page(root: Operator) -> None:
    for path in ("/admin", SIGN_IN, "/admin/nothing", "/admin/files/page.js"):
        headers = root.client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert set(policy.split("; ")) == {
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
            "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
        }  # fmt: skip
        assert headers["X-Content-Type-Options"] == "nosniff"
        # With no-referrer a browser would send its forms with the origin null.
        assert headers["Referrer-Policy"] == "same-origin"
    assert root.get().headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in root.get().headers


def test_all_is_served_by_ourselves_and_nothing_is_inline(root: Operator, service: Service) -> None:
    for page in (root.get(), root.client.get(SIGN_IN), root.client.get("/admin/nothing")):
        assert "style=" not in page.text
        assert "<style" not in page.text
        assert " on" not in "".join(part.partition(">")[0] for part in page.text.split("<")[1:] if "=" in part[:40])
        for source in [part.partition('"')[0] for part in page.text.split('src="')[1:]]:
            file = service.app.test_client().get(source.replace("&amp;", "&"))
            assert file.status_code == 200, source
            assert "max-age" in file.headers["Cache-Control"]
        assert "://" not in page.text.replace("http://www.w3.org/2000/svg", "")
    assert b"url(" not in service.app.test_client().get("/admin/files/page.css").data
    assert service.app.test_client().get("/admin/files/../blueprint.py").status_code in (303, 404)


def test_what_is_not_there_is_said_as_a_page(root: Operator) -> None:
    for method, path in (("GET", "/nothing"), ("POST", "/nothing"), ("GET", "/sign-out"), ("DELETE", "/cache")):
        missing = root.client.open(f"/admin{path}", method=method, headers=OWN)
        assert (missing.status_code, missing.mimetype) == (404, "text/html"), path
    assert "Not Found" in root.client.get("/admin/dead-letters/x").text


def test_odd_paths_are_pages_for_people_too(root: Operator) -> None:
    for segment in SEGMENTS:
        for method, path in pages(root.service):
            if "{}" in path:
                response = root.client.open(fill(path, segment), method=method, headers=OWN)
                assert response.status_code in (303, 400, 403, 404, 422), (method, path, response.text)
                assert response.mimetype == "text/html", path


def test_odd_bodies_and_query_strings_are_refused_as_pages(root: Operator) -> None:
    fields = fields_of(root, "/cache", "/cache/warm-up")
    names = ("reason", "tenant_id", "limit", "key", "how", "tags", "aggregate_id", "error_class", "pattern", "back")
    odd = [
        *({"data": body, "content_type": kind} for body, kind in BODIES.values()),
        *(
            {"data": fields | dict.fromkeys(names, value) | {"what": what}}
            for value, what in zip(
                ("\0", "\ud7ff" * 600, "<b>", "9" * 5000, "*"), ("", "tags", "key", "pattern", "x"), strict=True
            )
        ),
    ]
    for options in odd:
        for method, path in pages(root.service):
            if method == "POST" and "sign-out" not in path:
                response = root.client.post(fill(path, "users"), headers=OWN, **options)
                assert response.status_code in (303, 403, 404, 413, 422), (path, options, response.text)
    for query in ("%00", "find=%00", "cursor=x", "limit=1&limit=2", "state=x", "=", "find=" + "x" * 900, "warm_up=%00"):
        for method, path in pages(root.service):
            if method == "GET" and "{}" not in path:
                response = root.client.get(f"{path}?{query}")
                assert response.status_code in (200, 422), (path, query, response.text)
                assert response.mimetype == "text/html"
