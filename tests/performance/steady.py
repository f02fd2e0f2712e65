"""Requests at a fixed rate, whatever the answers take, from threads of a process of its own.

wrk sends the next request when the last one is answered, and so never sees how those fare that come meanwhile. Here
each request has a time at which it is due, by chance but on the average so many a second, and its latency counts from
then. A thread has one connection; there are as many as requests may be under way at once.

Where wrk isn't installed, such threads also take its place. They use as much of the machine as the service does.
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

from tests.performance.sent import Sent

THREADS = 24


def steady(url: str, requests: list[Sent], rate: float, seconds: float, directory: Path) -> list[float]:
    """Send *requests*, again from the start where they end, at so many a second; return the milliseconds of each.

    Raises RuntimeError if one was refused.
    """
    return _in_a_process(url, requests, rate, THREADS, seconds, directory)


def as_fast_as_it_goes(
    url: str, requests: list[Sent], connections: int, seconds: float, directory: Path
) -> list[float]:
    """Send the next one when one is answered, over so many connections; otherwise as steady()."""
    return _in_a_process(url, requests, 0.0, connections, seconds, directory)


def _in_a_process(
    url: str, requests: list[Sent], rate: float, threads: int, seconds: float, directory: Path
) -> list[float]:
    file = directory / "steady.json"
    file.write_text(json.dumps({"asked": [url, requests, rate, threads, seconds]}))
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance.steady", str(file)], stdout=subprocess.PIPE, text=True, check=True
    )
    latencies, refused = json.loads(done.stdout)
    if refused:
        raise RuntimeError(f"{refused} requests were refused by {url}")
    return list(latencies)


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


def _run(url: str, requests: list[Sent], rate: float, threads: int, seconds: float) -> tuple[list[float], int]:
    """*rate* 0: as fast as it goes."""
    latencies: list[float] = []
    refused: list[int] = []
    # What is the same each time is made beforehand; the rest has a number that no other run has.
    made = [None if "{n}" in each.body else _message(each, 0) for each in requests]
    run = random.getrandbits(40)
    begin = time.perf_counter() + 0.2

    def work(place: int) -> None:
        connection, chance = _Connection(url), random.Random(place)
        due, number = begin, place
        while True:
            due = due + chance.expovariate(rate / threads) if rate else max(begin, time.perf_counter())
            if due >= begin + seconds:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            at = number % len(requests)
            if connection.send(made[at] or _message(requests[at], run + number)) >= 400:
                refused.append(number)
            latencies.append((time.perf_counter() - due) * 1000)
            number += threads

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return latencies, len(refused)


def main() -> None:
    url, requests, rate, threads, seconds = json.loads(Path(sys.argv[1]).read_text())["asked"]
    print(json.dumps(_run(url, [Sent(*each) for each in requests], rate, threads, seconds)))


if __name__ == "__main__":
    main()
