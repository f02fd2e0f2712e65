"""The operator's page, read over HTTP by one who has signed in."""

from __future__ import annotations

import requests

from tests.integration.web.operators import Forms, words


class OperatorPage:
    """The page of the service at *url*, seen with a super_admin's *token*."""

    def __init__(self, url: str, token: str) -> None:
        self._admin = f"{url}/admin"
        with requests.Session() as session:
            form = session.get(f"{self._admin}/sign-in", timeout=10)
            ((_, hidden), *_) = Forms(form.text).found
            own = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
            signed_in = session.post(
                f"{self._admin}/sign-in", data=hidden | {"token": token}, headers=own, timeout=10, allow_redirects=False
            )
            assert signed_in.status_code == 303, signed_in.text
            self._cookies = session.cookies

    def __call__(self) -> str:
        """Return the text of the overview, without what only the browser reads."""
        found = requests.get(self._admin, cookies=self._cookies, timeout=10)
        assert found.status_code == 200, found.text
        return words(found.text)
