"""Sample pages in a headless browser: rendered here, served to it without any network or database."""

from __future__ import annotations

import copy
import mimetypes
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.backends.django import DjangoTemplates
from django.test import RequestFactory
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.design import samples

HERE = Path(__file__).parent
SITE = "http://samples.test"
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-sample'; style-src 'self' 'nonce-sample'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"
)


def render(name: str, theme: str, **more: Any) -> str:
    """The sample page `name` as HTML, in a theme (dark, light or system)."""
    options = copy.deepcopy(settings.TEMPLATES[0])
    options.pop("BACKEND")
    options |= {
        "NAME": "samples",
        "DIRS": [*options["DIRS"], HERE],
        "APP_DIRS": "loaders" not in options["OPTIONS"],
    }
    request = RequestFactory().get("/", HTTP_HOST="localhost")
    request.COOKIES["theme"] = theme
    template = DjangoTemplates(options).get_template(name if name.endswith(".html") else f"pages/{name}.html")
    return str(template.render(samples.context() | more, request))


def eventually(page: Page, condition: str, seconds: float = 5) -> None:
    """Wait until the expression is true in the page, asked from here: the page's policy forbids eval."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        page.wait_for_timeout(20)


class Stage:
    """Opens sample pages; `posted` lists what forms sent, `problems` what the browser complained of."""

    def __init__(self, browser: Browser, media: Path) -> None:
        self.browser, self.media = browser, media
        self.posted: list[str] = []
        self.problems: list[str] = []
        self.html = ""

    def open(self, name: str, *, width: int = 1440, theme: str = "dark", **more: Any) -> Page:
        self.html = render(name, theme, **more)
        context = self.browser.new_context(viewport={"width": width, "height": 900}, has_touch=width < 600)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.route("**/*", self.answer)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)
        page.goto(f"{SITE}/page")
        eventually(page, "Boolean(customElements.get('key-map') && customElements.get('take-compare'))")
        return page

    def answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(SITE).partition("?")[0]
        if route.request.method == "POST":
            self.posted.append(path)
        if path == "/page":
            return route.fulfill(
                body=self.html,
                content_type="text/html; charset=utf-8",
                headers={"Content-Security-Policy": POLICY},
            )
        found = (
            finders.find(path.removeprefix("/static/"))
            if path.startswith("/static/")
            else self.media / path.rpartition("/")[2]
        )
        if found and Path(str(found)).is_file():
            return self.send(route, Path(str(found)).read_bytes(), mimetypes.guess_type(path)[0] or "")
        return route.fulfill(status=404 if path.startswith("/static/") else 200, body="")

    def send(self, route: Route, body: bytes, kind: str) -> None:
        """A file, or the part that a player asks for: without ranges no browser steps through a video."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", route.request.headers.get("range", ""))
        if not wanted:
            return route.fulfill(body=body, content_type=kind, headers={"Accept-Ranges": "bytes"})
        first, last = int(wanted[1]), int(wanted[2] or len(body) - 1)
        headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(body)}"}
        return route.fulfill(status=206, body=body[first : last + 1], content_type=kind, headers=headers)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless; skipped where there is none.

    Playwright keeps an event loop in this thread to the end of the run, where Django would refuse to query.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium on this machine")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def stage(browser: Browser, sample_media: Path) -> Iterator[Stage]:
    """A stage that ends without any complaint of the browser."""
    opened = Stage(browser, sample_media)
    yield opened
    for context in browser.contexts:
        context.close()
    assert opened.problems == []
