"""Otolith Studio's server in a thread, and requests to it as raw as an attacker's."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import wsproto
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    RejectConnection,
    Request,
    TextMessage,
)

from otolith.studio.guard import new_token
from otolith.studio.server import HOST, application, listen, server_of
from otolith.studio.sharing import ANYWHERE, Door

RATE = 16000
LIMIT_S = 60  # of any wait


def wav(sound: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV file of int16 samples, or of floats up to 1."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    data: bytes

    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Running:
    """A server. home: its folder of projects."""

    port: int
    token: str
    home: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        return f"{self.origin}/?token={self.token}"

    def raw(self, method: str, target: str, headers: dict[str, str], data: bytes = b"") -> Reply:
        """A request with exactly these headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if data or method != "GET":
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        connection.close()
        return reply

    def headers(self) -> dict[str, str]:
        """What the page's own requests carry."""
        return {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": self.origin,
            "Cookie": f"otolith_{self.port}={self.token}",
        }

    def ask(self, method: str, path: str, value: Any = None) -> Reply:
        """A request as the page makes it."""
        data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value)
        data = data.encode() if isinstance(data, str) else data
        return self.raw(method, "/api" + path, self.headers(), data)

    def get(self, path: str) -> Any:
        """The JSON answer to GET; it must succeed."""
        reply = self.ask("GET", path)
        assert reply.status == 200, reply.data
        return reply.json()

    def post(self, path: str, value: Any = None) -> Any:
        """The JSON answer to POST; it must succeed."""
        reply = self.ask("POST", path, {} if value is None else value)
        assert reply.status == 200, reply.data
        return reply.json()

    def job(self, project: str, job: dict[str, Any]) -> dict[str, Any]:
        """A job when it has ended."""
        end = time.monotonic() + LIMIT_S
        while job["state"] == "running":
            assert time.monotonic() < end, "the job does not end"
            time.sleep(0.1)
            job = self.get(f"/p/{project}/jobs/{job['id']}")
        return job

    def socket(self, path: str, **changed: str) -> Socket:
        """A WebSocket, with the page's headers unless they are changed."""
        return Socket(self.port, "/api" + path, {**self.headers(), **changed})


class Socket:
    """A WebSocket client on a raw TCP connection."""

    def __init__(self, port: int, target: str, headers: dict[str, str]) -> None:
        import socket

        self._socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        host = headers.pop("Host")
        more = [(k.encode(), v.encode()) for k, v in headers.items() if v]
        self._socket.sendall(self._ws.send(Request(host=host, target=target, extra_headers=more)))
        self._events: list[Any] = []
        first = self._next()
        self.status = first.status_code if isinstance(first, RejectConnection) else 101
        assert isinstance(first, (AcceptConnection, RejectConnection)), first

    def _next(self) -> Any:
        while not self._events:
            data = self._socket.recv(65536)
            self._ws.receive_data(data or None)
            self._events += list(self._ws.events())
        return self._events.pop(0)

    def send(self, value: dict[str, Any] | bytes | str) -> None:
        """Send JSON, text or bytes."""
        event: Any = (
            BytesMessage(data=value)
            if isinstance(value, bytes)
            else TextMessage(data=value if isinstance(value, str) else json.dumps(value))
        )
        self._socket.sendall(self._ws.send(event))

    def receive(self) -> dict[str, Any] | bytes | None:
        """The next message; None when the server closes."""
        text, data = "", b""
        while True:
            event = self._next()
            if isinstance(event, CloseConnection):
                return None
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    return json.loads(text)
            if isinstance(event, BytesMessage):
                data += event.data
                if event.message_finished:
                    return data

    def until(self, *kinds: str, seconds: float = LIMIT_S) -> dict[str, Any]:
        """The next event of some kinds. Others are thrown away."""
        end = time.monotonic() + seconds
        while (event := self.receive()) is not None:
            if isinstance(event, dict) and event["kind"] in kinds:
                return event
            assert time.monotonic() < end, f"no event {' or '.join(kinds)} for {seconds} s"
        raise AssertionError(f"the server closed before {' or '.join(kinds)}")

    def close(self) -> None:
        self._socket.close()


@contextmanager
def running(home: Path, door: Door | None = None) -> Iterator[Running]:
    """Run a server within the block. door: As for application()."""
    at, token = listen(0, HOST if door is None else ANYWHERE), new_token()
    port = at.getsockname()[1]
    server = server_of(application(home, token, port, door=door))
    thread = threading.Thread(target=server.run, args=([at],), daemon=True)
    thread.start()
    end = time.monotonic() + LIMIT_S
    while not server.started:
        assert thread.is_alive() and time.monotonic() < end
        time.sleep(0.01)
    try:
        yield Running(port, token, home)
    finally:
        server.should_exit = True
        thread.join(10)
        at.close()
