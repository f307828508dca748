"""Logs by structlog: one line an event, for people on a terminal and as JSON in production."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

HIDDEN = "[hidden]"
#: Names of what no log may show: secrets, and what people wrote.
SECRETS = frozenset(
    {
        *("key", "api_key", "keys", "token", "secret", "password", "authorization", "cookie", "credentials"),
        *("encrypted_key", "webhook_token", "webhook_secret", "headers"),
        *("prompt", "negative_prompt", "prompts", "payload", "body", "note", "email"),
        "request",  # Django's own lines bring the whole of it
    }
)
#: Parts of addresses that are as good as a password: a webhook's token, an invitation, a new password.
IN_ADDRESSES = re.compile(r"((?:/hooks/[^/\s\"']+|/invitations|/password/reset/key)/)[^/\s\"']+")
IN_WORDS = re.compile(
    r"(?i)((?:authorization|api[-_ ]?key|token|secret|password|x-goog-api-key)"
    r"(?:\\?[\"'])?\s*[:=]\s*(?:\\?[\"'])?(?:(?:key|bearer|token|basic)\s+)?)[^\s\"',;&}\\]+"
)


def discreet(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Takes the values away of what no log may show; the name stays, so that one sees that it was there."""
    for name in event.keys() & SECRETS:
        if name == "request":
            del event[name]
        else:
            event[name] = HIDDEN
    return event


def masked(logger: Any, method: str, line: str | bytes) -> str | bytes:
    """The finished line, with what looks like a secret in its words, addresses and tracebacks hidden."""
    if isinstance(line, bytes):
        return line
    return IN_WORDS.sub(rf"\1{HIDDEN}", IN_ADDRESSES.sub(rf"\1{HIDDEN}", line))


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    discreet,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals hold keys
)


def configuration(*, as_json: bool, level: str) -> dict[str, Any]:
    """The dictionary for `LOGGING`: everything, Django's own lines too, in one form on standard error."""
    last: list[Any] = (
        [TRACEBACKS, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, masked],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
            "httpx": {"level": "WARNING"},
        },
    }


def configure_structlog() -> None:
    """Let `structlog.get_logger()` write through the standard library's loggers."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
