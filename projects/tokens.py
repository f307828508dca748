"""API tokens: bound to one membership, hashed at rest, shown once."""

from __future__ import annotations

import datetime

from projects import access, events
from projects.access import Right
from projects.models import ApiToken, Membership
from projects.problems import Invalid

TOKEN_LIFE = datetime.timedelta(days=365)


def issue(*, membership: Membership, label: str = "") -> str:
    """A new token in the clear, which is not kept; it works for a year."""
    if len(label) > 80:
        raise Invalid({"label": ["At most 80 characters."]})
    _, secret = ApiToken.objects.create(
        user=membership.person, expiry=TOKEN_LIFE, membership=membership, label=label
    )
    events.record(workspace=membership.workspace, kind="token.issued", by=membership, label=label)
    return str(secret)


def revoke(*, token: ApiToken, by: Membership) -> None:
    """One's own token, or as an admin anybody's in the workspace."""
    if token.membership_id != by.pk:
        access.require(by, Right.ADMINISTER)
    label, token_key = token.label, token.token_key
    token.delete()
    events.record(workspace=by.workspace, kind="token.revoked", by=by, label=label, token=token_key[:4])
