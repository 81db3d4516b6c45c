"""A killed server, a full disk, two tabs: nothing is lost, and the page says what happened."""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import numpy as np
import pytest

from otolith.data import metadata
from otolith.errors import UserError
from otolith.setup.studio import PAGE, finder
from otolith.studio import remembered, server
from support import small_models
from support.browser import LIMIT_MS, chromium, page_of, serious
from support.full_disk import full_disk
from support.studio import RATE, Running, running, wav


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Its microphone hears noise that comes and goes."""
    level = np.repeat([0.0005, 0.3], 2 * RATE)
    file = tmp_path_factory.mktemp("microphone") / "heard.wav"
    file.write_bytes(wav(np.clip(level * np.random.default_rng(2).normal(size=len(level)), -1, 1)))
    with chromium(file) as found:
        yield found


def make_project(home):
    """A project whose network decides by loudness."""
    with running(home) as studio:
        studio.post("/projects", {"name": "loud", "hear": "loud"})
    (home / "loud" / "loud.tflite").write_bytes(small_models.loudness())


@contextlib.contextmanager
def host(home, environment, errors=None):
    """`host studio` as a user runs it: its link and its process."""
    command = [sys.executable, "-m", "otolith", "studio", str(home), "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
    ) as process:
        try:
            process.stdout.readline()
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def test_a_page_goes_on_when_a_killed_server_runs_again(browser, tmp_path):
    make_project(tmp_path)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with host(tmp_path, environment) as (link, process):
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(LIMIT_MS)
        page.goto(link)
        page.goto(link.split("?")[0] + "#/loud/live")
        page.get_by_role("button", name="Start listening").click()
        page.get_by_role("button", name="That was wrong").first.wait_for()
        process.kill()
        page.get_by_text("Studio has ended.").wait_for()
        heard = page.locator("li", has_text="loud").count()
        assert heard  # what was heard stays
    with host(tmp_path, environment) as (again, process):
        assert again == link
        page.get_by_text("Studio has ended.").wait_for(state="detached")
        page.get_by_role("button", name="Stop listening").wait_for()  # it listens again
        page.get_by_role("button", name="You missed one").wait_for()
        page.wait_for_timeout(2500)
        page.get_by_role("button", name="You missed one").click()
        page.get_by_text("is in the dataset as loud").wait_for()
        assert serious(page) == []
        process.send_signal(signal.SIGINT)  # the user ends it: the next link is another
        process.wait(30)
        page.get_by_text("Studio has ended.").wait_for()
    with host(tmp_path, environment) as (other, process):
        assert other.split("=")[1] != link.split("=")[1]
    context.close()


def test_ctrl_c_ends_quietly_whatever_pages_wait_for(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with (tmp_path / "errors").open("w+") as errors:
        with host(tmp_path, environment, errors) as (link, process):
            port, token = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=(.+)", link).groups()
            studio = Running(int(port), token, tmp_path)
            studio.post("/projects", {"name": "two", "hear": "ring"})
            lines = [studio.socket("/alive"), studio.socket("/p/two/record")]
            job = studio.post("/p/two/sizes")
            events = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
            at = f"/api/p/two/jobs/{job['id']}/events"
            events.request("GET", at, headers=studio.headers())
            answer = events.getresponse()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            answer.read()  # the stream ended as streams end
            assert [line.receive() for line in lines] == [None, None]
        errors.seek(0)
        assert errors.read() == ""
    with running(tmp_path) as again:  # the job goes on without the server
        again.post(f"/p/two/jobs/{job['id']}/stop")
        assert again.job("two", again.get(f"/p/two/jobs/{job['id']}"))["state"] != "running"


def test_a_page_that_can_not_load_says_what_to_do(browser, tmp_path):
    cases = [
        ("**/lib/lit-html/**", "app.js, or a file that it needs, is missing"),
        ("**/api/start", "Studio does not answer"),
        ("**/api/p/two", "Studio does not answer"),
        ("**/api/p/two/clips", "Studio does not answer"),
    ]
    with running(tmp_path) as studio, contextlib.closing(browser.new_context()) as context:
        studio.post("/projects", {"name": "two", "hear": "ring"})
        page = context.new_page()
        page.set_default_timeout(LIMIT_MS)
        page.goto(studio.link)
        for broken, told in cases:
            page.route(broken, lambda route: route.abort())
            page.goto("about:blank")
            page.goto(studio.origin + ("/#/" if "start" in broken else "/#/two/sounds"))
            page.get_by_role("alert").filter(has_text=told).wait_for()
            assert page.get_by_text("Loading ...").filter(visible=True).count() == 0
            assert serious(page) == []
            page.unroute(broken)
            page.get_by_role("button", name="Retry").click()
            wanted = "Open a project" if "start" in broken else "No clips yet"
            page.get_by_role("heading", name=wanted).wait_for()
            assert page.get_by_role("alert").count() == 0


def test_port_and_token_are_for_the_user_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(remembered, "USER_CACHE", tmp_path)
    file = remembered.file_of(tmp_path)
    port, token = remembered.choose(tmp_path, 0)
    assert port == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with remembered.remember(tmp_path, free, token):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert remembered.choose(tmp_path, 0) == (free, token)
        assert remembered.choose(tmp_path, free) == (free, token)
        assert remembered.choose(tmp_path, 1234)[1] != token
        assert remembered.choose(tmp_path / "..", 0)[1] != token
        for wrong in ("", "[]", "{}", '{"port": 1, "token": ""}', json.dumps({"port": "x"})):
            kept = file.read_text()
            file.write_text(wrong)
            assert remembered.choose(tmp_path, 0)[0] == 0
            file.write_text(kept)
    assert not file.exists()


def test_a_full_disk_is_said_and_leaves_everything_as_it_was(browser, tmp_path):
    make_project(tmp_path)
    with running(tmp_path) as studio, page_of(browser, studio.link) as page:
        page.goto(f"{studio.origin}/#/loud/live")
        page.get_by_role("button", name="Start listening").click()
        button = page.get_by_role("button", name="That was wrong").first
        button.wait_for()
        with full_disk(4096):
            button.click()
            page.get_by_role("alert").filter(has_text="can't write").wait_for()
        assert not list((tmp_path / "loud" / "dataset").glob("*/*.wav"))
        page.get_by_role("button", name="You missed one").click()  # it goes on
        page.get_by_text("is in the dataset as loud").wait_for()
    assert [row.label for row in metadata.load(tmp_path / "loud" / "dataset").rows] == ["loud"]


def test_two_tabs_do_not_undo_each_others_work(tmp_path):
    with running(tmp_path) as studio:
        studio.post("/projects", {"name": "two", "hear": "ring"})
        upload = studio.post("/p/two/uploads")["upload"]
        tone = 0.2 * np.sin(np.arange(RATE))
        for number in range(3):
            path = f"/p/two/uploads/{upload}/ring/{number}.wav"
            assert studio.ask("PUT", path, wav(tone * (1 - number / 10))).status == 200
        imported = studio.job("two", studio.post("/p/two/import", {"upload": upload}))
        assert imported["state"] == "done", imported
        first, second, third = (c["file"] for c in studio.get("/p/two/clips")["clips"])
        undo = studio.post("/p/two/remove", {"files": [first]})["undo"]
        # the other tab still shows it
        for path, wish in {
            "remove": {"files": [first, second]},
            "relabel": {"files": [first], "label": "background"},
            "cut": {"file": first, "start": 0, "stop": 0.5},
        }.items():
            answer = studio.ask("POST", f"/p/two/{path}", wish)
            assert answer.status == 400, path
        assert {c["file"] for c in studio.get("/p/two/clips")["clips"]} == {second, third}
        studio.post("/p/two/undo", {"id": undo})
        assert {c["file"] for c in studio.get("/p/two/clips")["clips"]} == {first, second, third}


def test_studio_without_its_libraries_does_not_start(tmp_path, monkeypatch):
    """Pages without them would wait for ever."""
    part = dataclasses.replace(server.LIBRARIES_PART, find=finder(PAGE, tmp_path))
    monkeypatch.setattr(server, "LIBRARIES_PART", part)
    with pytest.raises(UserError, match="run `host setup`"):
        server.application(tmp_path, "token", 1)
