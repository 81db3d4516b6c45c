"""`host studio --listen`: others on the network may open the pages with a password.

Guesses are limited: a few for each address, and some more for all addresses together. While a limit
holds, even the right password is refused, so that guessing on gains nothing.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable
from hashlib import sha256
from html import escape
from urllib.parse import parse_qs

from otolith.errors import UserError

SHORTEST = 8  # characters of a password
LONGEST = 200
ANYWHERE = "0.0.0.0"  # all addresses of this computer
GUESSES, GUESSES_OF_ALL = 5, 30  # within WINDOW_S
WINDOW_S = 60.0
MOST_BODY = 4096  # bytes of the form
MOST_ADDRESSES = 1000  # remembered

OPENED = (
    "Others on the network who know the password can open all projects there: hear, change and\n"
    "delete their sounds, train, and upload to boards at this computer. They can't open other\n"
    "folders. What they send and hear is not encrypted: use --listen only in a network you trust.\n"
    "Their browsers give the pages no microphone: record on this computer, or drop files."
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Otolith Studio</title>
<style>
:root {{ font: 16px/1.5 system-ui, sans-serif; }}
main {{ max-width: 22rem; margin: 16vh auto 0; padding: 0 1rem; }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit; }}
input, button {{ padding: 0.6rem; margin: 0.4rem 0 1rem; border-radius: 8px; }}
input {{ border: 1px solid #77908a; }}
button {{ background: #0f766e; color: #fff; border: 0; font-weight: 600; cursor: pointer; }}
p[role="alert"] {{ background: #fdeceb; color: #b42318; padding: 0.6rem; border-radius: 8px; }}
</style>
</head>
<body>
<main>
<h1>Otolith Studio</h1>
{problem}
<form method="post" action="/login">
<label for="password">Password, as `host studio --listen` told it</label>
<input id="password" name="password" type="password" required autofocus
  autocomplete="current-password">
<button>Open</button>
</form>
</main>
</body>
</html>
"""


def page(problem: str = "") -> str:
    """The page that asks for the password."""
    told = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _PAGE.format(problem=told)


def addresses() -> list[str]:
    """Addresses of this computer by which others on the network reach it, the likely one first."""
    found: list[str] = []
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        own = socket.getaddrinfo(socket.gethostname(), 0, socket.AF_INET)
        found += [str(about[4][0]) for about in own]
    return [a for a in dict.fromkeys(found) if not a.startswith(("127.", "0."))]


def hosts(port: int) -> tuple[str, ...]:
    """Values of the Host header that are this computer's."""
    name = socket.gethostname().lower()
    names = [*addresses(), name, f"{name.split('.')[0]}.local"]
    return tuple(f"{host}:{port}" for host in dict.fromkeys(names))


def check_password(password: str) -> str:
    """A password that is long enough; a random one for "". Raises UserError."""
    if not password:
        return secrets.token_urlsafe(9)
    if not SHORTEST <= len(password) <= LONGEST:
        raise UserError(f"the password must have {SHORTEST} to {LONGEST} characters")
    return password


class Door:
    """Compares passwords, and limits guesses.

    Args:
        password: The right one.
        clock: Seconds that never go back.
    """

    def __init__(self, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._right = sha256(password.encode("utf-8", "surrogatepass")).digest()
        self._clock = clock
        self._wrong: dict[str, deque[float]] = defaultdict(deque)
        self._all: deque[float] = deque()

    def wait_s(self, address: str) -> float:
        """Seconds until an address may guess again; 0: now."""
        now = self._clock()
        found = 0.0
        for times, most in ((self._wrong[address], GUESSES), (self._all, GUESSES_OF_ALL)):
            while times and times[0] <= now - WINDOW_S:
                times.popleft()
            if len(times) >= most:
                found = max(found, times[-most] + WINDOW_S - now)
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong = defaultdict(deque, {a: t for a, t in self._wrong.items() if t})
        return found

    def opens(self, address: str, body: bytes) -> str:
        """Judge a form.

        Args:
            address: Of the browser.
            body: The form, as sent.

        Returns:
            "" if it holds the right password, else what to tell.
        """
        wait = self.wait_s(address)
        if wait:
            return f"too many wrong passwords: wait {max(1, round(wait))} s"
        given = parse_qs(body.decode("latin-1"), encoding="utf-8").get("password", [""])[0]
        digest = sha256(given.encode("utf-8", "surrogatepass")).digest()
        if hmac.compare_digest(digest, self._right):
            return ""
        self._wrong[address].append(self._clock())
        self._all.append(self._clock())
        return "wrong password"
