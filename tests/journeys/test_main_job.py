"""The main job in a real browser: a brief goes in, a hero MP4 comes out, and the month has its true cost."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import av
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.circletake.running import INHERITED, ROOT, Running, up

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("up")]

PASSWORD = "three-crows-in-a-row"
BRIEF = """key,name,category,brief,format
opening,Opening film,brand-film,"A quiet harbour before dawn, one lit window",16x9
still,Gift box,product-still,"A gift box on a plinth, soft light",1x1
"""
PEOPLE = """
import django, json; django.setup()
from allauth.account.models import EmailAddress
from generation import workspaces
from projects import tokens
from projects.models import Membership, Person
workspace, owner = workspaces.create_workspace(
    slug="studio", currency="EUR", time_zone="Europe/Berlin", owner_email="owner@example.com")
found = {}
for role in ("producer", "manager", "finance"):
    person = Person.objects.create_user(f"{role}@example.com", "three-crows-in-a-row", name=role.title())
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    member = Membership.objects.create(workspace=workspace, person=person, roles=[role])
    found[role] = tokens.issue(membership=member)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data_dir = tmp_path_factory.mktemp("journey") / "data"
    with up(data_dir, DEMO="0", HERO_UNDO_SECONDS="3", EMAIL_URL="filemail://") as running:
        yield running


@pytest.fixture(scope="module")
def tokens(running: Running) -> dict[str, str]:
    kept = {key: os.environ[key] for key in INHERITED if key in os.environ}
    settings = {"DATA_DIR": str(running.data_dir), "DEMO": "0"}
    made = subprocess.run(
        [sys.executable, "-c", PEOPLE],
        env={**kept, **settings, "DJANGO_SETTINGS_MODULE": "circletake.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(made.stdout.strip().splitlines()[-1]))


class Visitor:
    """One signed-in person at a window of their own; console errors are remembered."""

    def __init__(self, browser: Browser, running: Running, role: str) -> None:
        self.base = f"http://localhost:{running.port}"
        self.page: Page = browser.new_page(viewport={"width": 1440, "height": 900})
        self.errors: list[str] = []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.go("/accounts/login/")
        self.page.fill("input[name=login]", f"{role}@example.com")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.locator("input[name=password]").press("Enter")
        self.page.wait_for_url("**/w/studio/")

    def go(self, path: str) -> None:
        answer = self.page.goto(self.base + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def takes(self, number: int) -> None:
        """Waits until the strip shows this many takes that are ready."""
        ready = self.page.locator(".filmstrip .take:not(.take--waiting)")
        expect(ready).to_have_count(number, timeout=180_000)


def test_a_brief_becomes_an_approved_hero_film_and_the_month_knows_what_it_cost(
    browser: Browser, running: Running, tokens: dict[str, str], tmp_path: Path
) -> None:
    producer, manager, finance = (
        Visitor(browser, running, role) for role in ("producer", "manager", "finance")
    )
    desk = import_the_brief(producer, tmp_path)
    make_takes_until_the_cap(producer)
    ask_for_more_and_be_granted(producer, manager, desk)
    select_and_ask_for_the_hero(producer)
    approve_undo_and_approve_again(manager)
    film = sign_off_and_download(manager, producer, desk)
    assert_is_a_film(film)
    assert_month_equals(finance, naive_cost(running, tokens["finance"]))
    for visitor in (producer, manager, finance):
        assert visitor.errors == []


def import_the_brief(producer: Visitor, tmp_path: Path) -> str:
    """A client, a campaign, a brief: two cards. Answers the desk's path."""
    page = producer.page
    producer.go("/w/studio/projects/new/")
    page.fill("input[name=name]", "Lumen Coffee")
    page.fill("input[name=key]", "lumen")
    page.get_by_role("button", name="Create client").click()
    page.fill("input[name=name]", "Winter light")
    page.fill("input[name=key]", "winter-light")
    page.get_by_role("button", name="Create campaign").click()
    brief = tmp_path / "brief.csv"
    brief.write_text(BRIEF)
    page.get_by_role("link", name="Import brief").click()
    page.set_input_files("input[type=file]", str(brief))
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("2 created, 0 updated, 0 unchanged")).to_be_visible()
    page.get_by_role("link", name="To the board").click()
    expect(page.locator(".board .card")).to_have_count(2)
    page.get_by_role("link", name="Opening film").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Opening film")
    return page.url.removeprefix(producer.base).partition("?")[0]


def make_takes_until_the_cap(producer: Visitor) -> None:
    """Four at once, then four more: the button follows the form, and at the cap it shows the ways out."""
    page = producer.page
    button = page.locator("#desk-make button[type=submit]")
    expect(button).to_contain_text("€0.06")
    page.fill("input[name=count]", "4")
    page.locator("input[name=count]").blur()
    expect(button).to_contain_text("€0.24")
    page.keyboard.press("Control+Enter")
    producer.takes(4)
    page.goto(page.url.partition("?")[0] + "?take=1&with=2")
    expect(page.locator("take-compare video")).to_have_count(2)
    page.goto(page.url.partition("?")[0] + "?take=1")
    page.keyboard.press("x")
    page.keyboard.press("2")
    expect(page.locator(".desk__actions")).to_contain_text("Rejected")
    page.fill("input[name=count]", "4")
    page.locator("input[name=count]").blur()
    expect(button).to_contain_text("€0.24")
    button.click()
    producer.takes(8)
    page.reload()
    expect(page.locator("#desk-make")).to_contain_text("Ask for more takes")


def ask_for_more_and_be_granted(producer: Visitor, manager: Visitor, desk: str) -> None:
    page = producer.page
    page.get_by_role("button", name="Ask for more takes").click()
    page.fill("#ask-for-more input[name=more]", "1")
    page.fill("#ask-for-more textarea[name=reason]", "The light is not right yet.")
    page.locator("#ask-for-more button[type=submit]").click()
    expect(page.locator("#desk-make")).to_contain_text("a manager decides")
    manager.go("/w/studio/approvals/")
    expect(manager.page).to_have_title(re.compile(r"Approvals \(1\)"))
    manager.page.keyboard.press("y")
    expect(manager.page.get_by_text("Nothing waits")).to_be_visible()
    producer.go(desk)
    page.locator("#desk-make button[type=submit]").click()
    producer.takes(9)


def select_and_ask_for_the_hero(producer: Visitor) -> None:
    page = producer.page
    page.goto(page.url.partition("?")[0] + "?take=3")
    page.keyboard.press("Enter")
    expect(page.locator(".desk__actions")).to_contain_text("Selected")
    page.get_by_role("button", name=re.compile("Hero render")).click()
    expect(page.locator("#hero")).to_contain_text("€1.41")
    page.fill("#hero textarea[name=note]", "The calm one.")
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.locator(".desk__actions")).to_contain_text("hero render asked for")


def approve_undo_and_approve_again(manager: Visitor) -> None:
    page = manager.page
    manager.go("/w/studio/approvals/")
    expect(page.get_by_text("The calm one.")).to_be_visible()
    page.keyboard.press("y")
    expect(page.get_by_text("is approved")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("The calm one.")).to_be_visible()
    page.keyboard.press("y")
    expect(page.get_by_text("is approved")).to_be_visible()


def sign_off_and_download(manager: Visitor, producer: Visitor, desk: str) -> bytes:
    page = manager.page
    for _ in range(120):
        manager.go("/w/studio/approvals/")
        if page.get_by_role("button", name=re.compile("Sign off")).count():
            break
        page.wait_for_timeout(1500)
    page.get_by_role("button", name=re.compile("Sign off")).click()
    page.get_by_role("dialog").get_by_role("button", name="Sign off").click()
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    producer.go(desk)
    expect(producer.page.locator(".desk__facts")).to_contain_text("Signed off")
    with producer.page.expect_download() as download:
        producer.page.get_by_role("link", name=re.compile("Download take")).click()
    return Path(download.value.path()).read_bytes()


def assert_is_a_film(content: bytes) -> None:
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 1920, 1080)
        assert float(stream.duration * stream.time_base) == pytest.approx(4, abs=0.2)


def naive_cost(running: Running, token: str) -> Decimal:
    """Cash of what was accepted, added up entry by entry: here one deliverable, and all of its money."""
    total = Decimal(0)
    address: str | None = f"http://localhost:{running.port}/api/v1/ledger/"
    while address:
        page = httpx.get(address, headers={"Authorization": f"Token {token}"}).json()
        for entry in page["results"]:
            if entry["kind"] != "transfer" and entry["deliverable"]:
                total += Decimal(entry["amount"])
        address = page["next"]
    return total


def assert_month_equals(finance: Visitor, cost: Decimal) -> None:
    finance.go("/w/studio/month/")
    shown = finance.page.locator(".headline__figure data").first.get_attribute("value")
    assert shown is not None
    assert Decimal(shown) == cost
    assert cost == 9 * Decimal("0.06") + Decimal("1.41")
