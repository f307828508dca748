"""Keys, player, comparison, questions and lists, each driven as a person would."""

from __future__ import annotations

import datetime
from io import BytesIO

import pytest
from django.template.loader import render_to_string
from PIL import Image

from tests.design.browser import Stage, eventually

pytestmark = pytest.mark.browser
SEEKED = "document.querySelector('video').readyState >= 2 && !document.querySelector('video').seeking"


def test_keys_step_the_player_by_exact_frames(stage: Stage) -> None:
    page = stage.open("desk")
    eventually(page, "document.querySelector('video').readyState >= 1")
    for keys, frame in [("ArrowRight", 1), ("ArrowRight", 2), ("l", 7), ("j", 2), ("ArrowLeft", 1), ("j", 0)]:
        page.keyboard.press(keys)
        eventually(page, SEEKED)
        assert page.evaluate("document.querySelector('frame-player').frame") == frame
    assert page.inner_text("output") == "0 s 00 f / 2 s 00 f"


def test_space_and_k_play_and_pause_and_shift_m_mutes(stage: Stage) -> None:
    page = stage.open("desk")
    eventually(page, "document.querySelector('video').readyState >= 1")
    page.keyboard.press("Space")
    eventually(page, "!document.querySelector('video').paused")
    page.keyboard.press("k")
    eventually(page, "document.querySelector('video').paused")
    page.keyboard.press("Shift+M")
    assert page.evaluate("document.querySelector('video').muted") is True


def test_keys_in_a_field_are_the_fields_own_but_ctrl_enter_makes_a_take(stage: Stage) -> None:
    page = stage.open("desk")
    page.evaluate(
        "document.querySelector('.desk__side').addEventListener('submit', "
        "event => { event.preventDefault(); document.title = 'made'; })"
    )
    page.fill("#id_prompt", "")
    page.focus("#id_prompt")
    page.keyboard.type("jkl m?")
    assert page.input_value("#id_prompt") == "jkl m?"
    assert page.evaluate("document.querySelector('video').currentTime") == 0
    assert page.is_hidden("#keys-dialog")
    page.keyboard.press("Control+Enter")
    assert page.title() == "made"


def test_the_question_mark_lists_the_keys_and_its_switch_turns_single_keys_off(stage: Stage) -> None:
    page = stage.open("desk")
    page.keyboard.press("?")
    assert "One frame forward" in page.inner_text("[data-keys]")
    page.uncheck("[data-single-keys]")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('video').currentTime") == 0
    assert "keys=off" in page.evaluate("document.cookie")


def test_one_key_after_the_other_presses_what_asks_for_both(stage: Stage) -> None:
    page = stage.open("month")
    page.evaluate("""() => { const b = document.createElement('button');
      b.textContent = 'Motion'; b.dataset.key = 'x>2';
      b.onclick = () => document.title = 'motion'; document.querySelector('.page').append(b); }""")
    page.keyboard.press("2")
    assert page.title() == "October 2026"
    page.keyboard.press("x")
    page.keyboard.press("2")
    assert page.title() == "motion"


def test_a_key_reaches_into_a_closed_menu_but_not_into_what_is_hidden(stage: Stage) -> None:
    page = stage.open("month")
    page.evaluate("""() => { for (const [tag, keys] of [['popover', 'x>1'], ['hidden', 'x>2']]) {
      const box = document.createElement('div'), b = document.createElement('button');
      box.setAttribute(tag, '');
      b.dataset.key = keys; b.onclick = () => document.title = keys; box.append(b);
      document.querySelector('.page').append(box); } }""")
    page.keyboard.press("x")
    page.keyboard.press("2")
    assert page.title() == "October 2026"
    page.keyboard.press("x")
    page.keyboard.press("1")
    assert page.title() == "x>1"


def test_a_key_that_also_begins_a_sequence_does_its_own_and_waits_for_the_second(stage: Stage) -> None:
    page = stage.open("month")
    page.evaluate("""() => { for (const [keys, words] of [['x', 'asked'], ['x>2', 'asked, motion']]) {
      const b = document.createElement('button'); b.textContent = words; b.dataset.key = keys;
      b.onclick = () => document.title = words; document.querySelector('.page').append(b); } }""")
    page.keyboard.press("x")
    assert page.title() == "asked"
    page.keyboard.press("2")
    assert page.title() == "asked, motion"


def test_m_goes_through_the_ways_to_compare_and_c_swaps(stage: Stage) -> None:
    page = stage.open("desk", compare="one")
    modes = []
    for _ in range(4):
        page.keyboard.press("m")
        modes.append(page.get_attribute("take-compare", "mode"))
    assert modes == ["side", "slider", "difference", "one"]
    page.keyboard.press("c")
    assert page.inner_text("[data-side=a] figcaption") == "Take 3"


def test_the_same_picture_twice_differs_nowhere(stage: Stage) -> None:
    same = {"src": "/m/p1.jpg", "kind": "image", "label": "Take 1"}
    page = stage.open("desk", compare="difference", a=same, b=same)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('figcaption').forEach(each => each.remove())")
    seen = Image.open(BytesIO(page.locator(".compare-stage").screenshot())).convert("L")
    middle = seen.crop((100, 100, seen.width - 100, seen.height - 100))
    assert middle.getextrema() == (0, 0)


def test_compared_videos_step_together(stage: Stage) -> None:
    side = {"src": "/m/c1.mp4", "kind": "video", "label": "Take", "fps": 24}
    page = stage.open("desk", compare="side", a=side, b=side)
    eventually(page, "[...document.querySelectorAll('video')].every(v => v.readyState >= 2)")
    page.keyboard.press("l")
    both = "[...document.querySelectorAll('video')].map(v => Math.floor(v.currentTime * 24 + 0.001))"
    eventually(page, f"{both}.join() === '5,5'")


def test_j_and_k_move_through_the_inbox_and_open_what_they_reach(stage: Stage) -> None:
    page = stage.open("inbox")
    page.evaluate(
        "document.querySelectorAll('[data-row]').forEach("
        "row => row.addEventListener('click', event => event.preventDefault()))"
    )
    current = "document.querySelector('[data-row][aria-current=true]').getAttribute('href')"
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate(current) == "/r/3"
    page.keyboard.press("k")
    assert page.evaluate(current) == "/r/2"


@pytest.mark.parametrize(("answer", "sent"), [("yes", ["/save"]), ("no", [])])
def test_a_form_that_asks_is_sent_only_after_a_yes(stage: Stage, answer: str, sent: list[str]) -> None:
    page = stage.open("parts")
    page.evaluate("""() => { const f = document.createElement('form'); f.method = 'post'; f.action = '/save';
      f.dataset.confirm = 'Drops the deliverable.'; f.innerHTML = '<button id="drop">Drop</button>';
      document.querySelector('.page').prepend(f); }""")
    page.click("#drop")
    assert page.inner_text("[data-confirm-words]") == "Drops the deliverable."
    assert stage.posted == []
    page.click(f"#confirm-dialog [value={answer}]")
    page.wait_for_timeout(200)
    assert stage.posted == sent


def test_htmx_asks_in_the_pages_own_dialog_and_a_double_click_sends_once(stage: Stage) -> None:
    page = stage.open("parts")
    page.evaluate("""() => { const f = document.createElement('form'); f.setAttribute('hx-post', '/make');
      f.setAttribute('hx-sync', 'this:drop'); f.setAttribute('hx-disable', 'find button');
      f.setAttribute('hx-swap', 'none'); f.innerHTML = '<button id="spend">Make</button>';
      document.querySelector('.page').prepend(f); htmx.process(f); }""")
    page.dblclick("#spend")
    page.wait_for_timeout(200)
    assert stage.posted == ["/make"]
    page.evaluate("document.querySelector('#spend').form.setAttribute('hx-confirm', 'Reserves €12.00.')")
    page.click("#spend")
    assert page.inner_text("[data-confirm-words]") == "Reserves €12.00."
    page.click("#confirm-dialog [value=no]")
    assert stage.posted == ["/make"]


def test_a_toast_with_undo_counts_down_and_leaves_at_its_time(stage: Stage) -> None:
    page = stage.open("month")
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    toast = render_to_string(
        "components/toast.html", {"text": "Approved.", "undo_action": "/undo", "undo_until": until}
    )
    page.evaluate("html => document.getElementById('toasts').insertAdjacentHTML('beforeend', html)", toast)
    assert page.inner_text(".toast [data-countdown]") in ("2 s", "1 s")
    page.wait_for_selector(".toast", state="detached", timeout=4000)


def test_filters_are_remembered_until_they_are_cleared(stage: Stage) -> None:
    page = stage.open("parts")
    page.select_option("#id_person", "ana")
    page.goto(page.url)
    page.wait_for_url("**/page?*person=ana*")
    page.evaluate(
        "document.querySelector('[data-clear-filters]').addEventListener('click', e => e.preventDefault())"
    )
    page.click("[data-clear-filters]")
    page.goto("http://samples.test/page")
    page.wait_for_timeout(200)
    assert page.url == "http://samples.test/page"
