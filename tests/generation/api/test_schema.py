"""The OpenAPI document: sound, without a warning, and true of what is served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.cast import Cast
from tests.generation.api.conftest import Call
from tests.generation.api.rows import Rows, everything
from tests.generation.api.test_access import TABLE


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))
    return found


def test_the_document_is_valid_and_made_without_a_warning(tmp_path: Any) -> None:
    target = tmp_path / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    assert target.read_text().startswith("openapi: 3.0.3")


def test_the_document_names_every_call(db: None) -> None:
    described = {(path, verb) for path, verbs in document()["paths"].items() for verb in verbs}
    assert len(described) == sum(len(policy) for policy in TABLE.values()) - 1  # itself is left out


def test_every_operation_says_how_it_refuses(db: None) -> None:
    for path, verbs in document()["paths"].items():
        for verb, operation in verbs.items():
            answers = operation["responses"]
            assert {"401", "403", "404", "406", "500"} <= set(answers), (path, verb)
            refusals = [found for code, found in answers.items() if code >= "400" and code != "416"]
            assert all(list(found["content"]) == ["application/problem+json"] for found in refusals)


def test_what_spends_asks_for_a_key_in_the_document(db: None) -> None:
    spending = {
        path
        for path, verbs in document()["paths"].items()
        for operation in verbs.values()
        if any(found["name"] == "Idempotency-Key" for found in operation.get("parameters", ()))
    }
    assert spending == {
        "/api/v1/batches/",
        "/api/v1/batches/{batch}/resume/",
        "/api/v1/deliverables/{deliverable}/takes/",
        "/api/v1/deliverables/{deliverable}/takes/upload/",
        "/api/v1/hero-requests/{hero_request}/decisions/",
    }


CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests end without closing the connection, in whose transaction the test's rows are."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.usefixtures("one_connection")
def test_whatever_is_sent_nothing_breaks_and_answers_are_as_described(studio: Cast, as_: Call) -> None:
    """Each operation with generated values, and with the names of real rows where its address has some."""
    schema = schemathesis.openapi.from_dict(document())
    schema.app = get_wsgi_application()
    names = {name: str(value) for name, value in _names(studio, everything(studio)).items()}
    tokens = [as_(role).token for role in ("manager", "finance")]
    for operation in schema.get_all_operations():
        _try(operation.ok(), names, tokens)


def _names(studio: Cast, rows: Rows) -> dict[str, Any]:
    return {
        **rows.names,
        "project": "acme",
        "campaign": "acme/autumn",
        "deliverable": "acme/autumn/opening",
        "month": "2026-10",
        "job": "0" * 8,
    }


def _try(operation: Any, names: dict[str, str], tokens: list[str]) -> None:
    """Twelve cases of one operation, always the same ones."""

    @seed(1)
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans(), token=st.sampled_from(tokens))
    def attempt(case: Any, real: bool, token: str) -> None:
        if real:
            case.path_parameters = {
                name: names.get(name, value) for name, value in case.path_parameters.items()
            }
        response = case.call(headers={"Authorization": f"Token {token}"})
        assert response.status_code < 500, (
            case.as_curl_command(),
            response.text,
        )
        case.validate_response(response, checks=CHECKS)

    attempt()
