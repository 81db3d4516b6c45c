"""Debian's Chromium with a fake microphone, driven by Playwright."""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from otolith import paths

AXE = paths.TOOLS / "studio-tests" / "node_modules" / "axe-core" / "axe.min.js"
TSC = paths.TOOLS / "studio-tests" / "node_modules" / ".bin" / "tsc"
LIMIT_MS = 60_000  # of any wait
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@contextmanager
def chromium(
    microphone: Path | None = None, environment: dict[str, str] | None = None
) -> Iterator[Browser]:
    """A browser within the block.

    Args:
        microphone: WAV file that its microphone hears, again and again.
        environment: Of a sound server whose microphones it has instead of fake ones.
    """
    path = shutil.which("chromium")
    assert path is not None, "Chromium is missing: run `host setup --dev`"
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
        "--disable-gpu",
    ]
    if environment is None:
        arguments.append("--use-fake-device-for-media-stream")
    if microphone is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}")
    browser = _playwright().chromium.launch(
        executable_path=path,
        args=arguments,
        chromium_sandbox=False,
        env=environment,  # type: ignore[arg-type]
    )
    try:
        yield browser
    finally:
        browser.close()


@cache
def _playwright() -> Playwright:
    """One for the process: two at a time do not go together, two browsers do."""
    started = sync_playwright().start()
    atexit.register(started.stop)
    return started


@contextmanager
def page_of(
    browser: Browser, link: str, size: dict[str, int] = WIDE, **more: Any
) -> Iterator[Page]:
    """A page that opened the link. Errors in its console fail the test."""
    context: BrowserContext = browser.new_context(viewport=size, **more)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(LIMIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda said: (
            errors.append(said.text)
            if said.type == "error" and "status of 4" not in said.text  # a request told why
            else None
        ),
    )
    page.goto(link)
    yield page
    context.close()
    assert not errors, errors


def done(page: Page, text: str, seconds: float = LIMIT_MS / 1000) -> None:
    """Wait until work has ended with a text on the page. A problem that is told fails the test."""
    problem = page.locator(".problem, .toast.bad")
    page.get_by_text(text).or_(problem).first.wait_for(timeout=1000 * seconds)
    assert not problem.count(), problem.all_inner_texts()


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # not a script of the page: no CSP for it
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{v['id']}: {v['help']}: {json.dumps([n['target'] for n in v['nodes']][:4])}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def type_errors() -> str:
    """What TypeScript says of the pages' modules; "" if they are right."""
    tsconfig = paths.ROOT / "tests" / "studio" / "tools" / "tsconfig.json"
    done = subprocess.run([TSC, "-p", tsconfig], capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr
