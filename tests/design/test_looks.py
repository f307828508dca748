"""Every sample page in both themes, wide and narrow: readable for all, inside its window."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles import finders

from tests.design.browser import Stage

pytestmark = pytest.mark.browser
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PAGES = ["parts", "board", "desk", "inbox", "month", "404.html", "account/password_reset_done.html"]


def violations(page: Any) -> list[str]:
    """What axe objects to, with the elements."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_sample_page_is_accessible_and_never_wider_than_its_window(
    stage: Stage, name: str, width: int, theme: str
) -> None:
    page = stage.open(name, width=width, theme=theme)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


@pytest.mark.parametrize("mode", ["one", "side", "slider", "difference"])
def test_every_way_to_compare_is_accessible(stage: Stage, mode: str) -> None:
    assert violations(stage.open("desk", compare=mode)) == []


def test_open_menus_dialogs_and_toasts_are_accessible(stage: Stage) -> None:
    page = stage.open("parts", messages=[])
    page.click("[popovertarget=account-menu]")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.is_visible("#keys-dialog")
    assert violations(page) == []


def test_the_theme_follows_the_system_and_the_switch_overrides_it(stage: Stage) -> None:
    page = stage.open("month", theme="system")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == "oklch(0.955 0 0)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == "oklch(0.178 0 0)"
    page.click("[popovertarget=account-menu]")
    page.check("theme-switch [value=light]", force=True)
    assert page.evaluate(ground) == "oklch(0.955 0 0)"
    assert "theme=light" in page.evaluate("document.cookie")


def test_a_page_stands_still_while_its_pictures_arrive(stage: Stage) -> None:
    page = stage.open("board")
    page.wait_for_load_state("networkidle")
    shifts = """() => new Promise(resolve => { let sum = 0;
      new PerformanceObserver(list => { for (const e of list.getEntries()) sum += e.value; })
        .observe({ type: 'layout-shift', buffered: true });
      setTimeout(() => resolve(sum), 300); })"""
    assert round(page.evaluate(shifts), 3) == 0  # a rounding of sub-pixels is none that eyes could see


def test_all_scripts_together_stay_below_eighty_kilobytes_compressed() -> None:
    own = sorted((Path(settings.BASE_DIR) / "static/js").glob("*.js"))
    htmx = Path(str(finders.find("django_htmx/htmx-4.min.js")))
    assert len(own) >= 8
    assert sum(len(gzip.compress(script.read_bytes())) for script in [*own, htmx]) < 80_000


def test_no_template_holds_inline_script_or_style() -> None:
    templates = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
    inline = [
        path.name
        for path in templates
        if not path.name.endswith("_mail.html")  # mail has no other way
        for text in [path.read_text()]
        if " style=" in text or "<style" in text or " onclick=" in text or " hx-on" in text or "js:" in text
    ]
    assert inline == []
