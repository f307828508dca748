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
