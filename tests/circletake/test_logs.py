"""A traceback in the log names files and lines, and never shows what the variables held."""

import json
import logging
import logging.config
import sys
from typing import Any

import pytest

from circletake import logs


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_logged_without_its_variables(as_json: bool) -> None:
    configuration = logs.configuration(as_json=as_json, level="INFO")
    form: dict[str, Any] = configuration["formatters"]["line"]
    formatter = form.pop("()")(**form)
    provider_key = "-".join(["a", "very", "secret", "key"])
    try:
        raise ValueError("the provider said no")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    line = formatter.format(record)
    assert "the provider said no" in line
    assert "test_logs.py" in line
    assert provider_key not in line
    if as_json:
        assert json.loads(line)["event"] == "failed"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What structlog wrote, as the lines' fields."""
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def formatted(event: str, as_json: bool = True, **fields: Any) -> str:
    configuration = logs.configuration(as_json=as_json, level="INFO")
    form: dict[str, Any] = configuration["formatters"]["line"]
    formatter = form.pop("()")(**form)
    record = logging.LogRecord("x", logging.INFO, __file__, 1, event, (), None)
    for name, value in fields.items():
        setattr(record, name, value)
    return str(formatter.format(record))


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("event", "hidden"),
    [
        ("Not Found: /hooks/fal/abcdef123456/", "abcdef123456"),
        ("Gone: /invitations/s3cr3t-words/ was opened", "s3cr3t-words"),
        ("Authorization: Key fal-key:fal-secret", "fal-secret"),
        ('sent {"api_key": "sk-live-999"} there', "sk-live-999"),
        ("https://api.example.com/?token=tok-777&x=1", "tok-777"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_in_words(as_json: bool, event: str, hidden: str) -> None:
    line = formatted(event, as_json)
    assert hidden not in line
    assert logs.HIDDEN in line
    if as_json:
        json.loads(line)


@pytest.mark.parametrize("name", ["prompt", "key", "payload", "headers", "encrypted_key"])
def test_fields_that_no_log_may_show_keep_their_name_alone(name: str) -> None:
    said = json.loads(formatted("sent", **{name: "a bicycle in the fog"}))
    assert said[name] == logs.HIDDEN


def test_ordinary_words_stay_as_they_are() -> None:
    said = json.loads(formatted("call succeeded", model="fal/flux", take="01a1", path="/w/studio/queue/"))
    assert (said["event"], said["model"], said["take"]) == ("call succeeded", "fal/flux", "01a1")
    assert said["path"] == "/w/studio/queue/"
