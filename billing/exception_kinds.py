"""The kinds of exceptions, and each one's rows as SQL, in the columns that `COLUMNS` names.

`place` is the provider of a charge and the model of a price. Every query is bounded by the month over an
index, and joins nothing that only names a row.
"""

from __future__ import annotations

from django.db import models


class Kind(models.TextChoices):
    """In the order in which they are shown."""

    AS_IS = "as_is", "Drafts signed off as is"
    CAP_RAISED = "cap_raised", "Caps raised"
    ROUTE_OVERRIDDEN = "route_overridden", "Routes overridden"
    REVERSED = "reversed", "Decisions taken back"
    OWN_SIDE = "own_side", "Approved by who asked"
    BY_RULE = "by_rule", "Approved by a standing rule"
    DISPUTED = "disputed", "Disputed charges"
    DIFFERING = "differing", "Charged otherwise than computed"


#: What each kind is, for a reader of the page.
MEANINGS = {
    Kind.AS_IS: "A draft was delivered where a hero render was due; the amount is the render that was saved.",
    Kind.CAP_RAISED: "A manager granted more takes than the cap; the amount is what they may cost at most.",
    Kind.ROUTE_OVERRIDDEN: (
        "Somebody named another model than the routing table does; the amount is what the take cost."
    ),
    Kind.REVERSED: (
        "A sign-off was withdrawn or a dropped deliverable reopened; the amount is the cash that moved."
    ),
    Kind.OWN_SIDE: (
        "Whoever asked for a hero render or for more takes, or proposed a price, also approved it; "
        "the amount is what was approved."
    ),
    Kind.BY_RULE: (
        "A standing rule approved a hero render, in the name of who set it; the amount is what was approved."
    ),
    Kind.DISPUTED: (
        "A difference between a provider's bill and our books that nobody has accepted or adjusted yet; "
        "the amount is theirs less ours. Or a call whose answer was lost, of which somebody said that it was "
        "charged or not; the amount is what was held for it."
    ),
    Kind.DIFFERING: (
        "The provider reported another charge than the price book makes of it; "
        "the amount is reported less computed."
    ),
}
WITHIN = "workspace_id = %(workspace)s AND {at} >= %(start)s AND {at} < %(until)s"
AS_IS = f"""
    SELECT 'as_is' AS kind, id, at, deliverable_id, take_id, by_id, by_email, note, money_saved AS amount,
           '' AS place
    FROM projects_decision WHERE {WITHIN.format(at="at")} AND decision = 'accept' AND as_is
"""  # noqa: S608 - our own words only
CAP_RAISED = f"""
    SELECT 'cap_raised', c.id, c.at, r.deliverable_id, NULL::uuid, c.by_id, '',
           r.more || CASE r.more WHEN 1 THEN ' more take: ' ELSE ' more takes: ' END || r.reason,
           r.at_most, ''
    FROM projects_capdecision c JOIN projects_caprequest r ON r.id = c.cap_request_id
    WHERE c.{WITHIN.format(at="c.at")} AND c.decision = 'grant'
"""  # noqa: S608
ROUTE_OVERRIDDEN = f"""
    SELECT 'route_overridden', id, requested_at, deliverable_id, id, requested_by_id, requested_by_email,
           'the route names ' || instead_of, NULL::numeric, ''
    FROM projects_take WHERE {WITHIN.format(at="requested_at")} AND instead_of > ''
"""  # noqa: S608
REVERSED = f"""
    SELECT 'reversed', id, at, deliverable_id, take_id, by_id, by_email, note, NULL::numeric, ''
    FROM projects_decision WHERE {WITHIN.format(at="at")} AND decision IN ('reverse', 'reopen')
"""  # noqa: S608
SELF_APPROVED = f"""
    SELECT 'own_side', id, decided_at, deliverable_id, hero_take_id, requested_by_id, '',
           'hero render' || CASE WHEN note = '' THEN '' ELSE ': ' || note END, shown_amount, ''
    FROM projects_herorequest WHERE {WITHIN.format(at="decided_at")} AND self_approved
"""  # noqa: S608
SELF_GRANTED = f"""
    SELECT 'own_side', c.id, c.at, r.deliverable_id, NULL::uuid, c.by_id, '',
           'more takes: ' || r.reason, r.at_most, ''
    FROM projects_capdecision c JOIN projects_caprequest r ON r.id = c.cap_request_id
    WHERE c.{WITHIN.format(at="c.at")} AND c.decision = 'grant' AND c.by_id = r.requested_by_id
"""  # noqa: S608
BY_RULE = f"""
    SELECT 'by_rule', h.id, h.decided_at, h.deliverable_id, h.hero_take_id, r.set_by_id, '',
           'hero render' || CASE WHEN h.note = '' THEN '' ELSE ': ' || h.note END, h.at_most, ''
    FROM projects_herorequest h JOIN projects_standingrule r ON r.id = h.standing_rule_id
    WHERE h.{WITHIN.format(at="h.decided_at")} AND h.standing_rule_id IS NOT NULL
"""  # noqa: S608
OWN_PRICE = f"""
    SELECT 'own_side', p.id, d.decided_at, NULL::uuid, NULL::uuid, d.decided_by_id, '',
           'price of ' || p.model_key || CASE WHEN d.note = '' THEN '' ELSE ': ' || d.note END,
           NULL::numeric, p.model_key
    FROM billing_pricedecision d JOIN billing_pricerow p ON p.id = d.row_id
    WHERE d.{WITHIN.format(at="d.decided_at")} AND d.decision = 'approved' AND d.decided_by_id = p.author_id
"""  # noqa: S608
#: As `DifferenceQuerySet.in_force` has it, of those that nobody has settled.
DISPUTED = """
    SELECT 'disputed', d.id, d.service_at, t.deliverable_id, d.take_id, NULL::uuid, '',
           d.kind || ': ' || d.why, d.amount, d.provider
    FROM billing_difference d LEFT JOIN projects_take t ON t.id = d.take_id
    WHERE d.workspace_id = %(workspace)s AND d.month = %(month)s
      AND COALESCE((
          SELECT s.outcome FROM billing_differencestep s
          WHERE s.difference_id = d.id ORDER BY s.number DESC LIMIT 1
      ), 'undone') = 'undone'
      AND NOT (d.match_id IS NULL AND CASE
          WHEN d.line_id IS NOT NULL THEN EXISTS (SELECT FROM billing_linematch m WHERE m.line_id = d.line_id)
          ELSE EXISTS (SELECT FROM billing_linematch m WHERE m.entry = d.entry) END)
"""
#: What a person said of a call whose answer was lost; the event is known by a number, the exception by an id.
LOST_ANSWERS = f"""
    SELECT 'disputed', md5('event ' || id)::uuid, at, deliverable_id, take_id, person_id, '',
           'lost answer of ' || COALESCE(data ->> 'model', '') || ': said to be '
           || CASE kind WHEN 'take.call_happened' THEN 'made and charged' ELSE 'unknown to the provider' END,
           (data ->> 'amount')::numeric, split_part(COALESCE(data ->> 'model', ''), '/', 1)
    FROM projects_event WHERE {WITHIN.format(at="at")}
      AND kind IN ('take.call_happened', 'take.call_did_not_happen')
"""  # noqa: S608
DIFFERING = f"""
    SELECT 'differing', id, effective_at, deliverable_id, take_id, person_id, person_email,
           model || ': computed ' || trim_scale(computed_amount) || ', reported ' || trim_scale(amount),
           amount - computed_amount, provider
    FROM billing_entry WHERE {WITHIN.format(at="effective_at")}
      AND computed_amount IS NOT NULL AND computed_amount <> amount
"""  # noqa: S608
ROWS: dict[str, tuple[str, ...]] = {
    Kind.AS_IS: (AS_IS,),
    Kind.CAP_RAISED: (CAP_RAISED,),
    Kind.ROUTE_OVERRIDDEN: (ROUTE_OVERRIDDEN,),
    Kind.REVERSED: (REVERSED,),
    Kind.OWN_SIDE: (SELF_APPROVED, SELF_GRANTED, OWN_PRICE),
    Kind.BY_RULE: (BY_RULE,),
    Kind.DISPUTED: (DISPUTED, LOST_ANSWERS),
    Kind.DIFFERING: (DIFFERING,),
}
COLUMNS = "(kind, id, at, deliverable_id, take_id, by_id, by_email, note, amount, place)"


def union(kind: str = "") -> str:
    """The rows of one kind, or of all."""
    wanted = ROWS[kind] if kind else [part for parts in ROWS.values() for part in parts]
    return " UNION ALL ".join(wanted)
