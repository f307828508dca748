"""Every page as people get it, in both themes, wide and narrow: readable for all, inside its window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, Route

from projects.models import Membership
from tests.cast import Cast
from tests.journeys import everything

pytestmark = pytest.mark.browser
SITE = "http://localhost"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
WIDE, NARROW = 1440, 390
EXPECTED = {"w/studio/nowhere/": 404}


class Visit:
    """One person's browser window; the site answers in this process, with all its middleware."""

    def __init__(self, browser: Browser, member: Membership | None, width: int, theme: str) -> None:
        self.client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        if member:
            self.client.force_login(member.person)
        self.client.cookies["theme"] = theme
        self.database = connections["default"]
        size: Any = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=size, has_touch=width == NARROW)
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.page.route("**/*", self.answer)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self.heard)

    def heard(self, line: Any) -> None:
        if line.type == "error" and "status of 404" not in line.text:
            self.problems.append(line.text)

    def answer(self, route: Route) -> None:
        """Playwright answers in a context of its own, which has to use the test's transaction."""
        connections["default"] = self.database
        request = route.request
        path = request.url.removeprefix(SITE)
        sent = {name: value for name, value in request.headers.items() if name.startswith("hx-")}
        answer = self.client.get(path, headers=sent, follow=True)
        self.note(path, answer.status_code)
        route.fulfill(status=answer.status_code, body=answer.getvalue(), headers=dict(answer.headers))

    def note(self, path: str, status: int) -> None:
        """A video's stills are made by a worker, and none runs here."""
        if path.endswith(("/thumbnail/", "/poster/")) and status == 404:
            return
        if status != EXPECTED.get(path.lstrip("/"), 200) and not path.startswith("/favicon"):
            self.problems.append(f"{path} answers {status}")

    def look(self, address: str) -> list[str]:
        """What is wrong with the page of this address."""
        self.problems = []
        self.page.goto(f"{SITE}/{address}", wait_until="load")
        over = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            self.problems.append(f"{over} pixels wider than the window")
        found = Axe().run(self.page, options=RULES).response["violations"]
        self.problems += [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]
        return [f"{address}: {problem}" for problem in self.problems]


@pytest.fixture
def known(studio: Cast, settings: Any, tmp_path: Path) -> dict[str, Any]:
    """The parts of addresses in a workspace that has one of everything."""
    settings.DEMO, settings.EMAIL_FILE_PATH = True, str(tmp_path)
    return everything.furnish(studio, tmp_path)


def seen(browser: Browser, visits: list[tuple[Membership | None, str]], width: int, theme: str) -> list[str]:
    """What is wrong with these addresses, each opened as its member; one window a member."""
    problems, windows = [], {}
    for member, address in visits:
        name = str(member and member.pk)
        if name not in windows:
            windows[name] = Visit(browser, member, width, theme)
        problems += windows[name].look(address)
    for window in windows.values():
        window.context.close()
    return problems


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "dark"), (NARROW, "light")])
def test_every_page_is_accessible_and_inside_its_window(
    browser: Browser, studio: Cast, known: dict[str, Any], width: int, theme: str
) -> None:
    addresses = everything.addresses(known)
    assert len(addresses) > 40
    visits = [(everything.member_with(studio, right), address) for right, address in addresses]
    problems = seen(browser, visits, width, theme)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (NARROW, "dark")])
def test_the_main_pages_are_so_in_the_other_themes_and_for_other_roles(
    browser: Browser, studio: Cast, known: dict[str, Any], width: int, theme: str
) -> None:
    desk = f"w/studio/deliverables/{known['deliverable_id']}/"
    visits: list[tuple[Membership | None, str]] = [
        (studio.producer, "w/studio/"),
        (studio.producer, "w/studio/projects/acme/autumn/"),
        (studio.producer, desk),
        (studio.manager, desk),
        (studio.producer, f"w/studio/deliverables/{known['capped']}/"),
        (studio.manager, "w/studio/approvals/"),
        (studio.finance, "w/studio/month/2025-10/"),
        (studio.finance, "w/studio/"),
        (studio.viewer, "w/studio/queue/"),
    ]
    problems = seen(browser, visits, width, theme)
    assert not problems, "\n".join(problems)
