"""Prompt templates: text with `{variables}`, versioned and never edited.

Beside its own variables a template knows `{brief}`, `{name}`, `{category}`, `{campaign}` and `{client}`.
`{{` and `}}` stand for single braces.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from generation.models import PromptTemplate
from projects import access, events
from projects.access import Right
from projects.models import Deliverable, Membership, Workspace
from projects.problems import Invalid

GIVEN = ("brief", "name", "category", "campaign", "client")
MAX_LENGTH = 8000
Find = Callable[[Workspace, str], PromptTemplate | None]
_TOKEN = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")


def names_in(body: str) -> list[str]:
    """The variables that a text uses, in their order, each once."""
    return list(dict.fromkeys(match[1] for match in _TOKEN.finditer(body) if match[1]))


def fill(body: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in; raises Invalid, naming what has no value."""
    if missing := [name for name in names_in(body) if name not in values]:
        raise Invalid(
            {"variables": [f"No value for {', '.join(missing)}."]},
            remedy="Give it in the deliverable's variables.",
        )

    def replaced(match: re.Match[str]) -> str:
        return values[match[1]] if match[1] else match[0][0]

    return _TOKEN.sub(replaced, body).strip()


def find(workspace: Workspace, name: str) -> PromptTemplate | None:
    """The template `slug@version`, or the newest version of a bare slug."""
    return PromptTemplate.objects.named(workspace, name)


def choices(workspace: Workspace, *, chosen: str = "") -> list[tuple[str, str]]:
    """Templates as a form offers them: the newest version by its slug; `chosen` too."""
    newest = PromptTemplate.objects.newest(workspace)
    found = [(row.slug, f"{row.name} ({row.slug})") for row in newest]
    if chosen and chosen not in dict(found):
        found.append((chosen, chosen))
    return found


@dataclasses.dataclass(frozen=True)
class Wording:
    """What a variant changes of a prompt: values of the template's variables, and words added at its end."""

    words: str = ""
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


AS_IT_IS = Wording()


def for_deliverable(
    deliverable: Deliverable, wording: Wording = AS_IT_IS, *, find_template: Find | None = None
) -> tuple[str, str]:
    """The prompt that the deliverable's template makes, and the template's `slug@version`.

    Without a template the brief itself is the prompt. Raises Invalid for an unknown template, a variable
    without a value, or a wording that is too long or names a variable that the template lacks.
    """
    text, template = _written(deliverable, wording, find_template or find)
    added = wording.words.strip()
    text = f"{text}\n{added}".strip() if added else text
    if wording != AS_IT_IS and len(text) > MAX_LENGTH:
        raise Invalid({"words": [f"The prompt of {deliverable.name} has more than {MAX_LENGTH} characters."]})
    return text, template


def _written(deliverable: Deliverable, wording: Wording, find_template: Find) -> tuple[str, str]:
    given = given_values(deliverable)
    if not deliverable.prompt_template:
        _check_known(wording, set())
        return (deliverable.brief or deliverable.name).strip(), ""
    template = find_template(deliverable.workspace, deliverable.prompt_template)
    if template is None:
        raise Invalid(
            {"prompt_template": [f"There is no template {deliverable.prompt_template}."]},
            remedy="Publish it, or name another one on the deliverable.",
        )
    _check_known(wording, set(names_in(template.body)))
    defaults = {entry["name"]: str(entry["default"]) for entry in template.variables if entry.get("default")}
    own = {name: str(value) for name, value in deliverable.variables.items()}
    return fill(template.body, {**defaults, **own, **wording.variables, **given}), str(template)


def _check_known(wording: Wording, known: set[str]) -> None:
    if unknown := sorted(set(wording.variables) - (known - set(GIVEN))):
        raise Invalid(
            {"variables": [f"Its prompt has no variable {', '.join(unknown)}."]},
            remedy="Leave the deliverable out, or vary its words.",
        )


def given_values(deliverable: Deliverable) -> dict[str, str]:
    campaign = deliverable.campaign
    return {
        "brief": deliverable.brief,
        "name": deliverable.name,
        "category": deliverable.category.name,
        "campaign": campaign.name,
        "client": campaign.project.name,
    }


def publish(
    *,
    slug: str,
    name: str,
    body: str,
    by: Membership,
    variables: Sequence[Mapping[str, Any]] = (),
    negative: str = "",
    reason: str = "",
    now: datetime.datetime | None = None,
) -> PromptTemplate:
    """A new version of a template; raises Invalid for an empty text or undescribed variables."""
    access.require(by, Right.MAKE)
    if not body.strip() or len(body) > MAX_LENGTH:
        raise Invalid({"body": [f"Give a text of 1 to {MAX_LENGTH} characters."]})
    described = {str(entry.get("name", "")) for entry in variables}
    unknown = [name for name in names_in(body) if name not in described and name not in GIVEN]
    described_all = [*variables, *({"name": name, "default": ""} for name in unknown)]
    with transaction.atomic():
        made = PromptTemplate.objects.create(
            workspace=by.workspace,
            slug=slug,
            version=PromptTemplate.objects.next_version(by.workspace, slug),
            name=name,
            body=body,
            negative=negative,
            variables=described_all,
            author=by.person,
            reason=reason,
            published_at=now or timezone.now(),
        )
        events.record(
            workspace=by.workspace, kind="template.published", by=by, template=str(made), reason=reason
        )
        return made
