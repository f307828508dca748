"""What a provider is and can do, as data: the form for its accounts, and the abilities of its protocol.

What differs between the models of one provider is no part of it: that stands in parameter files and in the
catalogue's capabilities.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping


class SecretFrom(enum.StrEnum):
    """Where an account's webhook secret comes from."""

    NOWHERE = ""
    ENTERED = "entered"  # a person copies it from the provider
    FETCHED = "fetched"  # the provider tells it to whoever has the key


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of the form for an account: its name in the data, its label, and help in one sentence.

    `form` is a regular expression that the provider's own values are known to fit, `looks_like` shows it.
    """

    name: str
    label: str
    help: str = ""
    required: bool = True
    form: str = ""
    looks_like: str = ""


@dataclasses.dataclass(frozen=True)
class Profile:
    """A provider as the form for its accounts shows it.

    `base_urls` are by region, the first one the usual; none: the address is entered. `key` names the values
    that make up the key: one is kept as it is, several as a JSON object, none means that no key is needed.
    """

    title: str
    base_urls: Mapping[str, str] = dataclasses.field(default_factory=dict)
    key: tuple[Field, ...] = (Field("key", "Key"),)
    extra: tuple[Field, ...] = ()  # further values of an account that are no secrets
    webhook_secret: SecretFrom = SecretFrom.NOWHERE
    note: str = ""  # what else a person should know before the first take
    concurrency: int = 20  # jobs at once, until the account says otherwise


class Webhooks(enum.StrEnum):
    """What vouches for a provider's webhooks."""

    NONE = ""  # it sends none
    KEY_SET = "key_set"  # a signature by keys that the provider publishes
    SECRET = "secret"  # noqa: S105  a signature by a secret that the account shares with the provider
    UNSIGNED = "unsigned"  # only our token in the address: a reason to poll, and nothing more


class Cancels(enum.StrEnum):
    """How far a cancel reaches at a provider."""

    NONE = ""
    QUEUED = "queued"  # only a job that waits can be stopped
    RUNNING = "running"  # one that is being made as well


@dataclasses.dataclass(frozen=True)
class Abilities:
    """What a provider's protocol can do, apart from what each of its models can."""

    webhooks: Webhooks = Webhooks.NONE
    cancel: Cancels = Cancels.NONE
    look_up: bool = False  # `find` knows a job by our token after its answer was lost
    idempotency: bool = False
    local: bool = False  # answers at once from the database, without the network
    blocking: bool = False  # it has jobs whose submit is answered with the result
    hang_up_charged: bool | None = None  # whether a blocking call that we end is charged; None: not known
    progress: bool = False  # a poll tells how far a job is
