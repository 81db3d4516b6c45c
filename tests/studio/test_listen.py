"""`host studio --listen`: without the password nobody gets in, and guessing is slow."""

import os
import signal
import subprocess
import sys
from urllib.parse import quote

import pytest

from otolith.errors import UserError
from otolith.studio import sharing
from support.browser import page_of, serious
from support.studio import running

PASSWORD = "correct höffe 7"


@pytest.fixture
def shared(tmp_path):
    with running(tmp_path, sharing.Door(PASSWORD)) as found:
        yield found


def host_of(shared):
    known = sharing.addresses()
    return f"{known[0]}:{shared.port}" if known else f"127.0.0.1:{shared.port}"


def send(shared, password, **changed):
    host = host_of(shared)
    headers = {"Host": host, "Origin": f"http://{host}", **changed}
    body = f"password={quote(password)}".encode()
    return shared.raw("POST", "/login", {k: v for k, v in headers.items() if v}, body)


def test_the_password_opens_what_nothing_else_does(shared):
    host = host_of(shared)
    bare = {"Host": host}
    page = shared.raw("GET", "/", bare)
    assert page.status == 401 and b'type="password"' in page.data
    assert shared.token.encode() not in page.data and b"<script" not in page.data
    for path in (
        "/api/start",
        "/app.js",
        "/style.css",
        "/api/p/x/clips",
        "/login",
        "//",
        "/index.html",
    ):
        assert shared.raw("GET", path, bare).status == 403
    origin = {**bare, "Origin": f"http://{host}"}
    for headers in (origin, {**origin, "Cookie": f"otolith_{shared.port}={PASSWORD}"}):
        assert shared.raw("POST", "/api/projects", headers, b"{}").status == 403
    assert shared.socket("/p/x/record", Host=host, Origin=f"http://{host}", Cookie="").status == 403
    answer = send(shared, PASSWORD)
    cookie = answer.headers["set-cookie"]
    assert answer.status == 303 and "HttpOnly" in cookie and "SameSite=strict" in cookie
    inside = {**origin, "Cookie": cookie.partition(";")[0]}
    start = shared.raw("GET", "/api/start", inside)
    assert start.status == 200 and start.json()["shared"] is True
    refused = shared.raw("POST", "/api/open", inside, b'{"folder": "/"}')
    assert refused.status == 400 and "others can open this page" in refused.json()["error"]


@pytest.mark.parametrize(
    "password",
    ["", "wrong", PASSWORD[:-1], PASSWORD + "x", PASSWORD.upper(), "\0", "\ud83d", "x" * 3000],
    ids=range(8),
)
def test_wrong_passwords_open_nothing(shared, password):
    answer = send(shared, password.encode("utf-8", "surrogatepass").decode("latin-1"))
    assert answer.status == 401 and "set-cookie" not in answer.headers
    assert b"wrong password" in answer.data
    assert b"xxxx" not in answer.data  # what was typed does not come back


def test_other_sites_and_hosts_are_refused_even_with_the_password(shared):
    for changed in (
        {"Host": f"evil.example:{shared.port}"},
        {"Host": sharing.ANYWHERE},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = send(shared, PASSWORD, **changed)
        assert answer.status == 403 and "set-cookie" not in answer.headers, changed
    assert send(shared, "y" * 9000).status == 403


def test_guesses_are_limited_for_an_address_and_for_all(shared):
    for number in range(sharing.GUESSES):
        assert send(shared, f"guess {number}").status == (429 if number == 4 else 401)
    late = send(shared, PASSWORD, **{"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=1.2.3.4"})
    assert late.status == 429 and b"too many wrong passwords" in late.data

    now = [0.0]
    door = sharing.Door(PASSWORD, lambda: now[0])
    right, wrong = f"password={quote(PASSWORD)}".encode(), b"password=x"
    for number in range(sharing.GUESSES_OF_ALL):
        assert door.opens(f"10.0.0.{number}", wrong) == "wrong password"
    assert "wait" in door.opens("10.1.1.1", right)
    now[0] = sharing.WINDOW_S + 1
    assert door.opens("10.1.1.1", right) == ""
    for _ in range(sharing.GUESSES):
        door.opens("a", wrong)
    assert "wait" in door.opens("a", right) and door.opens("b", right) == ""
    for number in range(5 * sharing.MOST_ADDRESSES):
        door.wait_s(str(number))
    assert len(door._wrong) <= sharing.MOST_ADDRESSES + 1 and "wait" in door.opens("a", right)


def test_passwords_are_long_enough_and_random_ones_differ():
    with pytest.raises(UserError, match="8 to 200"):
        sharing.check_password("short")
    found = {sharing.check_password("") for _ in range(20)}
    assert len(found) == 20 and all(len(p) >= 12 for p in found)


def test_without_the_option_the_network_gets_nothing_and_with_it_is_told_what(tmp_path):
    environment = {**os.environ, "OTOLITH_STUDIO_PASSWORD": "long enough"}
    program = [sys.executable, "-m", "otolith", "studio", str(tmp_path), "--no-browser", "--listen"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "no microphone" in line:
                break
        process.send_signal(signal.SIGINT)
        process.wait(60)
    said = "".join(lines)
    assert (
        "Password: long enough" in said
        and "not encrypted" in said
        and "Open to the network" in said
    )


def test_others_open_the_page_in_their_browser(shared, browser):
    with page_of(browser, f"http://{host_of(shared)}/") as page:
        assert serious(page) == []
        page.get_by_label("Password").fill("nonsense")
        page.keyboard.press("Enter")
        page.get_by_role("alert").get_by_text("wrong password").wait_for()
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="New project").wait_for()
        assert page.get_by_label("In another folder").count() == 0
        page.get_by_label("What should it hear?").fill("ring")
        page.get_by_label("Name of the project").fill("bell")
        page.get_by_role("button", name="Create").click()
        page.get_by_text("No clips yet").wait_for()
