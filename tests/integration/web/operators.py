"""The operator's page as a person's browser uses it, without a script."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from werkzeug.test import TestResponse

from domain.model.actor import Actor
from tests.integration.web.service import ROOT, Service
from web.authorization import RULES, operator

HOST = "http://localhost"

SIGN_IN = "/admin/sign-in"

#: What a browser says of a form that stands on a page of the service itself.
OWN = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}


class Forms(HTMLParser):
    """The forms of a page: where each is sent to, and its fields with the values that they have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append((given["action"], {}))
        elif tag == "input" and self.found and given.get("type") == "hidden":
            self.found[-1][1][given["name"]] = given["value"]


class Operator:
    """Somebody with a browser, signed in."""

    def __init__(self, service: Service, actor: Actor = ROOT) -> None:
        self.service = service
        self.client = service.app.test_client()
        self.sign_in(service.token(actor))

    def sign_in(self, token: str, **options: Any) -> TestResponse:
        """Send the form to sign in."""
        page = self.client.get(SIGN_IN)
        return self.client.post(SIGN_IN, data=forms(page)[0][1] | {"token": token}, headers=OWN, **options)

    def get(self, path: str = "", status: int = 200) -> TestResponse:
        response = self.client.get(f"/admin{path}")
        assert response.status_code == status, response.text
        return response

    def page(self, path: str = "") -> str:
        """Return the text of a page, without what only the browser reads."""
        return text(self.get(path))

    def send(self, page: str, action: str, **fields: str) -> str:
        """Fill in and send the form on *page* that leads to *action*; return what is said on the page it leads to."""
        return said(self.follow(self.submit(page, action, **fields)))

    def submit(self, page: str, action: str, **fields: str) -> TestResponse:
        """Fill in and send the form on *page* that leads to *action*."""
        found = [hidden for target, hidden in forms(self.get(page)) if target == f"/admin{action}"]
        assert found, f"{page} has no form that leads to {action}"
        return self.client.post(f"/admin{action}", data=found[0] | fields, headers=OWN)

    def follow(self, response: TestResponse) -> TestResponse:
        assert response.status_code == 303, response.text
        return self.client.get(response.headers["Location"])


def forms(response: TestResponse) -> list[tuple[str, dict[str, str]]]:
    return Forms(response.text).found


def more(response: TestResponse) -> str | None:
    """Return where the rest of a list is, None at its end."""
    match = re.search(r'href="([^"]*cursor=[^"]*)" rel="next"', response.text)
    return match and match[1].replace("&amp;", "&")


def text(response: TestResponse) -> str:
    """Return the text of a page, with one space between words."""
    return words(response.text)


def words(page: str) -> str:
    """Return the text in the HTML of *page*."""
    body = re.sub(r"<(head|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)).replace("&#39;", "'").strip()


def fields_of(operator: Operator, page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form on *page* that leads to *action*."""
    return dict(forms(operator.get(page)))[f"/admin{action}"]


def said(response: TestResponse) -> str:
    """Return the notice on a page: good or bad, and the words."""
    match = re.search(r'<p class="notice (good|bad)" role="\w+">(.*?)</p>', response.text, re.DOTALL)
    assert match, response.text
    return f"{match[1]}: {match[2]}".replace("&#39;", "'")


def pages(service: Service) -> list[tuple[str, str]]:
    """Method and path of every page and action for which a session is needed."""
    return [
        (method, "".join("{}" if dynamic else part for dynamic, part in rule._trace if part != "|"))
        for rule in service.app.url_map.iter_rules()
        if RULES[rule.endpoint] is operator
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
