"""The page /docs in a real browser: what it fills in can be sent as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.chromium import chromium
from tests.e2e.fleet import Fleet, bearer, wait_for

ADA = {"email": "ada@initech.example", "first_name": "Ada", "last_name": "Lovelace"}


class Reader:
    """Somebody who reads the page and tries out what it describes."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        browser.get(f"{url}/docs")

    def one(self, selector: str) -> WebElement:
        """Return the first element that fits, once it is there."""
        found: list[WebElement] = wait_for(lambda: self.browser.find_elements(By.CSS_SELECTOR, selector), 20, selector)
        return found[0]

    def click(self, selector: str) -> None:
        # A bar that lies above it would catch the click of a mouse.
        self.browser.execute_script("arguments[0].click()", self.one(selector))

    def shows(self, token: str) -> None:
        """Send *token* along from now on."""
        self.click(".auth-wrapper .authorize")
        self.one(".modal-ux .auth-container input").send_keys(token)
        self.click(".modal-ux .auth-btn-wrapper .authorize")
        self.click(".modal-ux .auth-btn-wrapper .btn-done")

    def tries(self, operation: str) -> tuple[int, str]:
        """Send the operation with this id as it is filled in; return the status and the text of the answer."""
        block = f"[id$='-{operation}']"
        for button in (".opblock-summary-control", ".try-out__btn", ".execute"):
            self.click(f"{block} {button}")
        status = self.one(f"{block} .live-responses-table .response .response-col_status").text
        return int(status.split()[0]), self.one(f"{block} .live-responses-table .microlight").text


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(database_url, redis_url, tmp_path) as fleet:
        yield fleet.start_all(clock=0)


def active_user_who_may_everything(fleet: Fleet) -> str:
    """Return the token of a super_admin who is an active user of the tenant Initech."""
    api, root = f"{fleet.urls[0]}/api/v1", bearer(fleet.token("super_admin"))
    tenant = {"name": "Initech", "slug": "initech", "plan": "starter"}
    tenant_id = requests.post(f"{api}/tenants", json=tenant, headers=root, timeout=10).json()["id"]
    user_id = requests.post(f"{api}/users", json=ADA | {"tenant_id": tenant_id}, headers=root, timeout=10).json()["id"]
    active = requests.post(f"{api}/users/{user_id}/activate", headers=root, timeout=10)
    last = {"Min-Position": active.headers["Event-Position"], "Prefer": "wait=10"}
    requests.get(f"{api}/users/{user_id}", headers=root | last, timeout=20).raise_for_status()
    return fleet.token("super_admin", tenant_id, user_id)


def test_what_the_page_fills_in_can_be_sent_as_it_stands(fleet: Fleet, tmp_path: Path) -> None:
    token = active_user_who_may_everything(fleet)
    (tmp_path / "chromium").mkdir()
    with chromium(tmp_path / "chromium") as browser:
        # Given somebody who may everything
        reader = Reader(browser, fleet.urls[0])
        reader.shows(token)

        # When nothing is changed of what is filled in
        answers = {
            operation: reader.tries(operation)
            for operation in ("create_tenant", "create_workspace", "own_profile", "import_users", "verify_projections")
        }

        # Then all of it is carried out
        statuses = {operation: status for operation, (status, _) in answers.items()}
        assert statuses == {
            "create_tenant": 201,
            "create_workspace": 201,
            "own_profile": 200,
            "import_users": 200,
            "verify_projections": 200,
        }, answers
        lines = answers["import_users"][1]
        assert lines.count('"status": 201') == 2, lines


def test_the_page_fits_a_phone(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "chromium").mkdir()
    with chromium(tmp_path / "chromium") as browser:
        phone = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)

        Reader(browser, fleet.urls[0]).one(".opblock")

        assert browser.execute_script("return window.innerWidth") == 375
