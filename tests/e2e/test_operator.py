"""The operator's page in a real browser, with all processes running."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.e2e.chromium import chromium
from tests.e2e.fleet import Fleet, bearer, wait_for
from tests.e2e.test_clients import root

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")

PAGES = ("", "/projections", "/dead-letters", "/dead-letters/skipped", "/cache", "/tenants", "/processes", "/nothing")


class Person:
    """Somebody who looks at the page and clicks."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = f"{url}/admin"

    def go(self, path: str = "") -> None:
        self.browser.get(f"{self.url}{path}")

    def text(self) -> str:
        return str(self.browser.execute_script("return document.body.innerText.replace(/\\s+/g, ' ')"))

    def sees(self, words: str, seconds: float = 10) -> None:
        """Wait until *words* are on the page, without loading it again."""
        with contextlib.suppress(AssertionError):
            wait_for(lambda: words in self.text(), seconds, words)
            return
        raise AssertionError(f"{words!r} did not come: {self.text()}")

    def click(self, words: str, kind: str = "button") -> None:
        self.browser.find_element(By.XPATH, f"//{kind}[normalize-space()='{words}']").click()

    def look(self, width: int, scheme: str) -> None:
        """Look at the page on a screen of that width, in light or dark."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    # Nothing is tried again by itself while the test runs.
    with Fleet(database_url, redis_url, tmp_path, PROJECTION_RETRY_SECONDS="300") as fleet:
        yield fleet


def parked_user(fleet: Fleet, database_url: str, token: str) -> None:
    """Rename a user to a name that its projection can't take."""
    api, headers = f"{fleet.urls[0]}/api/v1", bearer(token)

    def done(method: str, path: str, **body: Any) -> dict[str, Any]:
        response = requests.request(method, f"{api}{path}", json=body or None, headers=headers, timeout=10)
        assert response.ok, response.text
        answer: dict[str, Any] = response.json()
        return answer

    tenant = done("POST", "/tenants", name="Acme", slug="acme", plan="free")["id"]
    person = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "tenant_id": tenant}
    user = done("POST", "/users", **person)["id"]
    done("POST", f"/users/{user}/activate")
    execute(database_url, "ALTER TABLE read_schema.user_projections ADD CONSTRAINT short CHECK (length(last_name) < 9)")
    done("PATCH", f"/users/{user}", last_name="Lovelace-Byron")


def execute(url: str, statement: str) -> None:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()


def test_an_operator_signs_in_mends_a_projection_and_rebuilds_it(
    fleet: Fleet, database_url: str, tmp_path: Path
) -> None:
    token = root()
    fleet.start_all()
    # What the driver writes down of what was typed is not the service's log.
    (tmp_path / "chromium").mkdir()
    with chromium(tmp_path / "chromium") as browser:
        person = Person(browser, fleet.urls[0])

        # Given an operator who signs in and sees that all is well
        person.go()
        browser.find_element(By.ID, "token").send_keys(token, Keys.ENTER)
        person.sees("All parts answer, and the read models follow the events.")
        assert browser.execute_script("return document.cookie") == ""

        # When an aggregate is parked, then it shows by itself, with what to do
        parked_user(fleet, database_url, token)
        person.sees("What stands still All 1")
        person.sees("users has parked 1 aggregate They are tried again by themselves")

        # When its cause is mended and it is retried, then it goes from the list by itself
        person.click("Dead letters 1", "a")
        person.click("user.updated", "a")
        person.sees('"last_name": "Lovelace-Byron"')
        execute(database_url, "ALTER TABLE read_schema.user_projections DROP CONSTRAINT short")
        person.click("Retry")
        person.sees("is tried again. It leaves the list once it has been folded.")
        person.sees("Nothing stands still.")

        # When a projection is rebuilt, then its progress can be watched to the end
        person.click("Projections", "a")
        users = browser.find_element(By.ID, "users")
        users.find_element(By.CSS_SELECTOR, "#users-start > summary").send_keys(Keys.ENTER)
        users.find_element(By.CSS_SELECTOR, "input[value=compare]").send_keys(Keys.SPACE)
        users.find_element(By.CSS_SELECTOR, "#users-start button").click()
        bar = wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, "#users-rebuild progress"), 10, "the bar")[0]
        assert bar.get_attribute("max") == "4"
        # What somebody has begun to type stays, while the page goes on.
        browser.find_element(By.CSS_SELECTOR, "#workspaces-pause > summary").click()
        typed = browser.find_element(By.ID, "workspaces-pause-reason")
        typed.send_keys("Because")
        person.sees("Rebuild done by root")
        person.sees("0 rows differ")
        assert bar.get_attribute("value") == "4"
        assert typed.get_attribute("value") == "Because"
        assert browser.switch_to.active_element == typed

        # Then all pages can be read on a phone, by daylight and at night, and used by keyboard
        for path in PAGES:
            person.go(path)
            for scheme in ("dark", "light"):
                person.look(1280, scheme)
                assert browser.execute_script(CONTRAST) == [], (path, scheme)
            person.look(375, "light")
            assert browser.execute_script("return document.documentElement.scrollWidth") == 375, path
        person.look(1280, "light")
        person.go()
        browser.switch_to.active_element.send_keys(Keys.TAB)
        assert browser.switch_to.active_element.text == "Skip to the content"
        for _ in range(8):
            browser.switch_to.active_element.send_keys(Keys.TAB)
            assert browser.switch_to.active_element.value_of_css_property("outline-style") == "solid"

        # When the operator signs out, then a token is asked for again
        person.click("Sign out")
        person.sees("You are signed out.")
        person.go()
        assert browser.find_elements(By.ID, "token")
        # The browser has had nothing to refuse: the page keeps within its own Content-Security-Policy.
        logged = [entry["message"] for entry in browser.get_log("browser") if "/admin/nothing" not in entry["message"]]
        assert logged == []
    assert token not in fleet.logs()
