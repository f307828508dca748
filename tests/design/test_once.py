"""A button with data-once sends its form once, however often it is clicked."""

from __future__ import annotations

import pytest

from tests.design.browser import Stage

pytestmark = pytest.mark.browser

CLICKS = """() => { for (const button of document.querySelectorAll('form button'))
  if (button.textContent === '%s') { button.click(); button.click(); } }"""
SHOWN_AGAIN = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
PREVENTED = """() => { window.stopped = []; document.addEventListener('submit', (event) => {
  window.stopped.push(event.defaultPrevented); event.preventDefault(); }); }"""


def test_the_second_click_sends_nothing(stage: Stage) -> None:
    page = stage.open("once")
    page.evaluate(PREVENTED)
    page.evaluate(CLICKS % "Spend")
    assert page.evaluate("window.stopped") == [False, True]
    assert page.get_attribute("[data-once]", "aria-disabled") == "true"


def test_other_buttons_are_left_alone(stage: Stage) -> None:
    page = stage.open("once")
    page.evaluate(PREVENTED)
    page.evaluate(CLICKS % "Plain")
    assert page.evaluate("window.stopped") == [False, False]


def test_the_button_works_again_when_the_page_is_shown_again(stage: Stage) -> None:
    page = stage.open("once")
    page.evaluate(PREVENTED)
    page.evaluate(CLICKS % "Spend")
    page.evaluate(SHOWN_AGAIN)
    page.evaluate(CLICKS % "Spend")
    assert page.evaluate("window.stopped") == [False, True, False, True]
