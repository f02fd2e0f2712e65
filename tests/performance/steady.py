"""Requests at a fixed rate, whatever the answers take, from threads of a process of its own.

wrk sends the next request when the last one is answered, and so never sees how those fare that come meanwhile. Here
each request has a time at which it is due, by chance but on the average so many a second, and its latency counts from
then. A thread has one connection; there are as many as requests may be under way at once.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.performance.wrk import Sent

THREADS = 24


def steady(url: str, requests: list[Sent], rate: float, seconds: float, directory: Path) -> list[float]:
    """Send *requests*, again from the start where they end, at so many a second; return the milliseconds of each.

    Raises RuntimeError if one was refused.
    """
    file = directory / "steady.json"
    file.write_text(json.dumps({"url": url, "requests": requests, "rate": rate, "seconds": seconds}))
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance.steady", str(file)], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, list[float] | int] = json.loads(done.stdout)
    if found["refused"]:
        raise RuntimeError(f"{found['refused']} requests were refused by {url}")
    return found["latencies"]  # type: ignore[return-value]


class _Connection:
    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message: bytes) -> int:
        """Send a request and read its answer whole; return the status."""
        self._socket.sendall(message)
        data = self._socket.recv(1 << 18)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = data[:end].lower()
        at = head.find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        while len(data) < end + 4 + length:
            data += self._more()
        return int(data[9:12])

    def _more(self) -> bytes:
        more = self._socket.recv(1 << 18)
        if not more:
            raise ConnectionError("the server has closed the connection")
        return more


def _message(sent: Sent, number: int) -> bytes:
    body = sent.body.replace("{n}", f"{number}").encode()
    lines = [f"{sent.method} {sent.path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {sent.token}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _run(url: str, messages: list[bytes], rate: float, seconds: float) -> tuple[list[float], int]:
    latencies: list[float] = []
    refused: list[int] = []
    begin = time.perf_counter() + 0.2

    def work(place: int) -> None:
        connection, chance = _Connection(url), random.Random(place)
        due, number = begin + chance.expovariate(rate / THREADS), place
        while due < begin + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            if connection.send(messages[number % len(messages)]) >= 400:
                refused.append(number)
            latencies.append((time.perf_counter() - due) * 1000)
            due += chance.expovariate(rate / THREADS)
            number += THREADS

    threads = [threading.Thread(target=work, args=(place,)) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies, len(refused)


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text())
    run = random.getrandbits(40)
    messages = [_message(Sent(*each), run + number) for number, each in enumerate(asked["requests"])]
    latencies, refused = _run(asked["url"], messages, asked["rate"], asked["seconds"])
    print(json.dumps({"latencies": latencies, "refused": refused}))


if __name__ == "__main__":
    main()
