"""A chat server's answers in our words: a text, scores in the built-in judge's form, any server's errors.

A judge's scores are JSON: by criterion a value from 0 to 1 with three places, as a text, and a few words.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from generation.providers import answers
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

WHO = "The chat server"
THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
PLACES = Decimal("0.001")


class Unreadable(ValueError):
    """A judge's answer in which there are no scores; the text says what is missing."""


def error(response: httpx.Response, *, codes: Mapping[str, str]) -> ProviderError:
    """A refused request: an error object, one that lies flat, or a bare text, as servers differ."""
    told = answers.read_object(response)
    named = told.get("error", told)
    if not isinstance(named, Mapping):
        named = {"message": str(named)}
    words = str(named.get("message") or named.get("detail") or "no explanation")[: answers.LONGEST_DETAIL]
    known = [codes[str(named.get(name))] for name in ("code", "type") if str(named.get(name)) in codes]
    error_class = ErrorClass(known[0]) if known else answers.class_of(response.status_code)
    return ProviderError(
        error_class,
        f"{WHO} answered {response.status_code}: {words}",
        retry_after_seconds=answers.retry_after(response),
    )


def status(
    told: Mapping[str, Any],
    *,
    ends: Mapping[str, str],
    judged: Collection[str],
    input_weight: Decimal | None,
    charge: Decimal | None,
) -> Status:
    """What was said; `judged` are the criteria of a judge, empty for a text.

    `input_weight` is the price of a token that goes in, in tokens that come out; None where nothing is billed
    by tokens. `charge` is what a gateway says that the call cost, in dollars.
    """
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
    message = first.get("message")
    message = message if isinstance(message, Mapping) else {}
    given, made = _counted(told.get("usage"))
    money: dict[str, Any] = {"input_tokens": given, "output_tokens": made}
    money["billed_units"] = _tokens(given, made, input_weight)
    if charge is not None:
        money |= {"charge": charge, "charge_currency": "USD"}
    reason = str(first.get("finish_reason") or "stop")
    end, text = ends.get(reason), _text(message.get("content"))
    if end == "blocked" or message.get("refusal"):
        words = str(message.get("refusal") or "its filter kept the answer back")
        return _failed(ErrorClass.MODERATED, words, JobState.BLOCKED, money)
    if end != "stopped":
        words = "the answer was cut at its longest" if end == "cut" else f"it ended with {reason!r}"
        return _failed(ErrorClass.MALFORMED_OUTPUT, words, JobState.FAILED, money)
    try:
        text = scores(text, judged) if judged else text
    except Unreadable as unreadable:
        return _failed(ErrorClass.MALFORMED_OUTPUT, str(unreadable), JobState.FAILED, money)
    if not text:
        return _failed(ErrorClass.MALFORMED_OUTPUT, "it said nothing", JobState.FAILED, money)
    return Status(JobState.SUCCEEDED, outputs=(Output(text=text),), **money)


def _failed(error_class: ErrorClass, words: str, state: JobState, money: Mapping[str, Any]) -> Status:
    """What was said is charged as what was used, where that is told; else nobody knows."""
    detail = f"{WHO}: {words[: answers.LONGEST_DETAIL]}"
    return Status(state, error=ProviderError(error_class, detail), **money)


def _text(content: Any) -> str:
    """The words of an answer, without thoughts; some servers send them in parts."""
    if isinstance(content, list):
        content = "".join(str(one.get("text", "")) for one in content if isinstance(one, Mapping))
    return THOUGHTS.sub("", str(content or "")).strip()


def _counted(usage: Any) -> tuple[int | None, int | None]:
    """The tokens that went in and those that came out; both or neither."""
    if not isinstance(usage, Mapping):
        return None, None
    given, made = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(given) is not int or type(made) is not int:
        return None, None
    return given, made


def _tokens(given: int | None, made: int | None, weight: Decimal | None) -> Decimal | None:
    if weight is None or given is None or made is None:
        return None
    return Decimal(given) * weight + made


def scores(text: str, criteria: Collection[str]) -> str:
    """The scores of a judge's answer as JSON; raises Unreadable where one is missing or none of 0 to 1."""
    fenced = FENCE.search(text)
    inner = fenced[1] if fenced else text
    begin, end = inner.find("{"), inner.rfind("}")
    try:
        found = json.loads(inner[begin : end + 1] if 0 <= begin < end else inner)
    except ValueError:
        raise Unreadable("the judge did not answer with JSON") from None
    if not isinstance(found, Mapping):
        raise Unreadable("the judge did not answer with an object")
    found = found.get("scores", found) if isinstance(found.get("scores", found), Mapping) else found
    return json.dumps({name: _score(name, found.get(name)) for name in criteria}, sort_keys=True)


def _score(name: str, told: Any) -> dict[str, str]:
    value, words = (told.get("value"), told.get("words", "")) if isinstance(told, Mapping) else (told, "")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not math.isfinite(number) or not 0 <= number <= 1:
        raise Unreadable(f"the judge's score for {name} is {value!r}, no number from 0 to 1")
    return {"value": str(number.quantize(PLACES)), "words": " ".join(str(words).split())[:120]}
