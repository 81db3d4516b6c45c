"""Whoever is not the page that `host studio` opened gets nothing."""

import pytest

from otolith.errors import UserError
from otolith.studio.apart import Apart
from otolith.studio.projects import Project, Projects


def changed(studio, **headers):
    found = {**studio.headers(), **headers}
    return {name: value for name, value in found.items() if value}


def test_the_link_opens_the_page_once_and_leaves_a_cookie_for_this_site_only(studio):
    bare = {"Host": f"127.0.0.1:{studio.port}"}
    answer = studio.raw("GET", f"/?token={studio.token}", bare)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and studio.token in cookie
    page = studio.raw("GET", "/", {**bare, "Cookie": cookie.partition(";")[0]})
    assert page.status == 200 and b"<script" in page.data
    assert studio.token.encode() not in page.data


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": ""},
        {"Cookie": "otolith_{port}=guessed"},
        {"Cookie": "otolith_{port}=\xff\xfe"},
        {"Cookie": "other={token}"},
        {"Host": "evil.example:{port}"},  # DNS rebinding
        {"Host": "127.0.0.1"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},  # another program of this computer
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": ""},  # a form of an old browser
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_strangers_are_refused(studio, headers):
    values = {k: v.format(port=studio.port, token=studio.token) for k, v in headers.items()}
    found = changed(studio, **values)
    answer = studio.raw("POST", "/api/projects", found, b'{"name": "mine", "hear": "ring"}')
    assert answer.status == 403 or (headers == {"Host": ""} and answer.status == 400)
    assert not (studio.home / "mine").exists()
    assert studio.socket("/p/x/record", **values).status in (403, 400)
    if "Origin" not in headers:
        assert studio.raw("GET", "/api/start", found).status in (403, 400)


def test_a_wrong_token_opens_nothing(studio):
    bare = {"Host": f"localhost:{studio.port}"}
    for token in ("", "x", studio.token[:-1], studio.token + "x"):
        answer = studio.raw("GET", f"/?token={token}", bare)
        assert answer.status == 403 and "set-cookie" not in answer.headers


def test_the_server_is_bound_to_this_computer(studio):
    import socket

    from otolith.studio.server import HOST, listen

    at = listen(0)
    assert at.getsockname()[0] == HOST == "127.0.0.1"
    at.close()
    with pytest.raises(UserError, match="--port"):
        listen(studio.port)
    with socket.socket() as other, pytest.raises(OSError):
        other.settimeout(2)
        other.connect((socket.gethostbyname(socket.gethostname()), studio.port))
        if other.getpeername()[0] == "127.0.0.1":  # a computer without another address
            raise ConnectionRefusedError


def test_no_script_stands_in_the_page(studio):
    page = studio.raw("GET", "/", studio.headers())
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    text = page.data.decode()
    assert "<script>" not in text and " on" not in text.replace(" on your", "")
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/%2e%2e/server.py",
        "/..%2fserver.py",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/index.html%00.js",
        "/server.py",
        "/lib/lit-html/../../../package.json",
        "/lib/lit-html/..%2f..%2f..%2fpackage.json",
        "/lib/nothing/x.js",
        "/lib/%2e%2e/x.js",
    ],
)
def test_only_the_page_and_its_libraries_are_served(studio, path):
    answer = studio.raw("GET", path, studio.headers())
    assert answer.status in (400, 404) and b"import" not in answer.data


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "%2e%2e", "ready...", "x\0y", "🙂", "."])
def test_a_projects_name_leads_nowhere_else(tmp_path, name):
    (tmp_path / "spec.toml").write_text("")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "spec.toml").write_text("")
    (tmp_path / "home" / "away").symlink_to(tmp_path)
    projects = Projects(tmp_path / "home")
    assert projects.names() == []
    for wrong in (name, "away"):
        with pytest.raises(UserError, match="no such project"):
            projects.find(wrong)


def test_requests_are_limited_and_bad_json_is_told(studio):
    long = studio.ask("POST", "/projects", b'{"name": "' + b"x" * (2 << 20) + b'"}')
    assert long.status == 413
    for data in (b"", b"{", b"[" * 1000, b'{"name": 3, "hear": "x"}', b"\xff", b'{"name": "a"}'):
        answer = studio.ask("POST", "/projects", data)
        assert answer.status == 400 and answer.json()["error"]


def test_a_file_that_kills_its_reader_costs_one_answer(tmp_path):
    apart = Apart()
    with pytest.raises(UserError, match="crashed"):
        apart.call("os:abort")
    with pytest.raises(UserError, match=r"more than 0.5 s"):
        apart.call("time:sleep", 30, limit_s=0.5)
    with pytest.raises(UserError, match="not enough memory"):
        apart.call("builtins:bytearray", 1 << 45)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        apart.call("operator:floordiv", 1, 0)
    project = Project("x", tmp_path)
    with pytest.raises(UserError, match="no such file"):
        apart.call("otolith.studio.clips:picture_of", project, "a.wav", 0)
    assert apart.call("operator:add", [1], [2]) == [1, 2]
    (tmp_path / "dataset").mkdir()
    with (tmp_path / "dataset" / "a.wav").open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room
    with pytest.raises(UserError, match="too long for a clip"):
        apart.call("otolith.studio.clips:picture_of", project, "a.wav", 0)
