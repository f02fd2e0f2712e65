"""A Varnish in front of the service, run as web/varnish.vcl says."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.debian import program
from workers.launcher.ports import free_port

VCL = Path(__file__).parents[2] / "web" / "varnish.vcl"


def varnishd() -> str:
    """Return the program's path. Where it isn't installed, fails in CI and skips elsewhere."""
    return str(program("varnishd", "varnish"))


def port() -> int:
    return free_port()


@contextmanager
def varnish(directory: Path, port: int, backend: str) -> Iterator[str]:
    """Run Varnish on *port* before the service at the URL *backend*; give its URL."""
    address = urlsplit(backend)
    text = VCL.read_text()
    for line, ours in (('.host = "127.0.0.1";', f'.host = "{address.hostname}";'), ('"8000"', f'"{address.port}"')):
        assert line in text
        text = text.replace(line, ours)
    vcl = directory / "varnish.vcl"
    vcl.write_text(text)
    # Its folder is read by a user of its own, and the path of its socket must be short.
    command = [
        varnishd(), "-F", "-n", str(directory / "v"), "-a", f"127.0.0.1:{port}", "-f", str(vcl), "-s", "malloc,32m",
        "-j", "none", "-p", "vcc_allow_inline_c=off",
    ]  # fmt: skip
    with (directory / "varnish.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, directory / "varnish.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            requests.get(f"{url}/health/live", timeout=2)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
