"""A real browser without a screen: Debian's Chromium, driven by its chromedriver. Nothing is ever downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

#: A page's own requests apart, the browser asks nobody for anything.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
)


def program(name: str, package: str) -> str:
    """Return a program's path. Where it isn't installed, fails in CI and skips elsewhere."""
    found = shutil.which(name)
    if found is None:
        missing = f"{name} is not installed (Debian: apt-get install {package})"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def chromium(directory: Path, width: int = 1280, height: int = 900) -> Iterator[Chrome]:
    """Run a browser whose profile and log lie in *directory*."""
    options = ChromeOptions()
    options.binary_location = program("chromium", "chromium")
    for flag in (*_FLAGS, f"--user-data-dir={directory / 'profile'}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With its path given Selenium looks for no other driver.
    service = Service(program("chromedriver", "chromium-driver"), log_output=str(directory / "chromedriver.log"))
    browser = Chrome(options=options, service=service)
    try:
        yield browser
    finally:
        browser.quit()
