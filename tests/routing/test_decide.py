"""Which model a decision chooses, and the reasons it gives."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal
from typing import Any

import pytest

from routing.brief import Breaker, BudgetLeft, Health, History, Price, Step
from routing.decide import decide
from routing.decision import as_document
from routing.document import ON_ERROR
from tests.routing.tables import IMAGE, NOW, draft, draft_route, facts, image_route, model, table

A, B, C = "builtin/a", "builtin/b", "builtin/c"


def one_step(*models: Any, route: dict[str, Any] | None = None, brief: Any = None, **more: Any) -> Any:
    """The plan of the only step, by a route that names the given models in order."""
    chosen_route = route or image_route(*(found.key for found in models))
    decision = decide(brief or draft(), table(draft_route(), chosen_route), facts(*models, **more))
    return decision.step("image")


def why(plan: Any, key: str) -> tuple[str, ...]:
    return next(choice.why for choice in plan.choices if choice.model == key)


def test_the_first_choice_is_taken_and_the_others_follow_in_order() -> None:
    plan = one_step(model(A), model(B), model(C))
    assert plan.chosen.model == A
    assert [choice.model for choice in plan.fallbacks] == [B, C]


def test_a_choice_that_is_not_in_the_catalogue_is_passed_over_with_a_reason() -> None:
    plan = one_step(model(B), route=image_route(A, B))
    assert plan.chosen.model == B
    assert why(plan, A) == ("builtin/a is not in the catalogue",)


def test_reasons_name_what_was_passed_over_and_why() -> None:
    decision = decide(draft(), table(draft_route(), image_route(A, B)), facts(model(B)))
    assert decision.reasons == ("image: builtin/b, since builtin/a: builtin/a is not in the catalogue",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"price": None}, "builtin/a has no price; finance can enter one under Prices"),
        ({"retired": True}, "builtin/a is retired"),
        (
            {"available_until": datetime.date(2026, 11, 20)},
            "builtin/a was available until 2026-11-20",
        ),
        ({"kinds": ("text",)}, "it does not do image"),
        (
            {"price": Price(unit="image", amount=Decimal(1), currency="USD")},
            "there is no exchange rate from USD to EUR; finance can enter one under Prices",
        ),
        (
            {"capabilities": {"max_side": 1024}},
            "its pictures have at most 1024 pixels a side, 1280 are asked for",
        ),
        (
            {"capabilities": {"max_pixels": 900_000}},
            "its pictures have at most 900000 pixels, 921600 are asked for",
        ),
        (
            {"price": Price(unit="token", amount=Decimal("0.00003"), currency="EUR")},
            "its price counts tokens, and nobody knows how many a call takes",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_never_chosen(change: dict[str, Any], words: str) -> None:
    plan = one_step(model(A, **change), model(B))
    assert plan.chosen.model == B
    assert why(plan, A) == (words,)


def test_a_model_that_nobody_knows_how_to_ask_is_passed_over_and_says_so() -> None:
    dumb = model("fal/x", capabilities={"parameters_known": False})
    plan = one_step(dumb, model(B), accounts=frozenset({"fal", "acme"}))
    assert plan.chosen.model == B
    assert why(plan, "fal/x") == ("nobody has written down yet how fal wants this model to be asked",)


def test_a_model_is_available_on_its_last_day() -> None:
    assert one_step(model(A, available_until=NOW.date())).chosen.model == A


def test_a_model_of_a_provider_needs_an_account() -> None:
    outside = model("fal/x")
    refused = one_step(outside)
    assert refused.chosen is None
    assert why(refused, "fal/x") == ("the workspace has no fal account; an admin can add one in Settings",)
    assert one_step(outside, accounts=frozenset({"fal"})).chosen.model == "fal/x"


def test_a_workspace_of_built_in_models_refuses_every_other() -> None:
    plan = one_step(model("fal/x"), accounts=frozenset({"fal"}), builtin_only=True)
    assert plan.chosen is None
    assert why(plan, "fal/x") == (
        "this workspace uses built-in models only; an admin can change that in Settings",
    )


def test_zero_is_a_price_for_built_in_models_only() -> None:
    assert one_step(model(A, "0")).chosen.model == A
    plan = one_step(model("fal/x", "0"), accounts=frozenset({"fal"}))
    assert plan.chosen is None


def test_an_unknown_price_is_held_at_the_price_for_unknowns() -> None:
    plan = one_step(model(A, price=None), unknown_price=Decimal("1.5"))
    assert (plan.expected, plan.at_most) == (Decimal("1.5"), Decimal("1.5"))


def test_references_beyond_what_a_model_takes_make_it_ineligible() -> None:
    few = model(A, capabilities={"references": 1})
    step = dataclasses.replace(IMAGE, references=2)
    plan = one_step(few, model(B), brief=draft(steps=(step,)))
    assert plan.chosen.model == B
    assert why(plan, A) == ("it takes 1 reference picture, 2 are asked for",)


def test_a_step_on_a_video_passes_over_a_model_for_pictures() -> None:
    pictures = model(A, kinds=("upscale",), capabilities={"sources": ["image"]})
    videos = model(B, kinds=("upscale",), capabilities={"sources": ["image", "video"]})
    step = Step(key="image", kind="upscale", source="video")
    plan = one_step(pictures, videos, brief=draft(steps=(step,)))
    assert plan.chosen.model == B
    assert why(plan, A) == ("it does not work on a video",)


def test_a_locked_seed_that_the_model_ignores_is_noted_and_not_refused() -> None:
    step = dataclasses.replace(IMAGE, seed_locked=True)
    plan = one_step(model(A, capabilities={"seed": False}), brief=draft(steps=(step,)))
    assert plan.chosen.notes == ("ignores seeds: the same request may give another picture",)


def test_the_hold_is_the_dearest_eligible_choice_and_the_price_that_of_the_chosen() -> None:
    plan = one_step(model(A, "0.05"), model(B, "0.20"), model(C, "9", retired=True))
    assert (plan.expected, plan.at_most) == (Decimal("0.05"), Decimal("0.20"))


def test_amounts_are_for_all_takes_together() -> None:
    decision = decide(
        draft(count=4),
        table(draft_route(), image_route(A, B)),
        facts(model(A, "0.05"), model(B, "0.20")),
    )
    assert (decision.expected, decision.at_most) == (Decimal("0.20"), Decimal("0.80"))
    assert decision.compute_units == 400


def test_a_foreign_price_is_exchanged() -> None:
    dollars = Price(unit="image", amount=Decimal("0.03"), currency="USD", row="row-1")
    plan = one_step(model(A, price=dollars), rates={"USD": Decimal("0.9")})
    chosen = plan.chosen
    assert (chosen.expected, chosen.native_expected) == (Decimal("0.027"), Decimal("0.03"))
    assert (chosen.native_currency, chosen.rate, chosen.price_row) == (
        "USD",
        Decimal("0.9"),
        "row-1",
    )


# --- routes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "wins"),
    [
        ({"phase": "draft"}, True),
        ({"locale": "de"}, True),
        ({"audience": "trade"}, True),
        ({"category": "concept-sketch"}, True),
        ({"project": "acme"}, True),
        ({"phase": "hero"}, False),
        ({"project": "other"}, False),
    ],
)
def test_a_route_that_names_more_wins_over_one_that_names_nothing(match: dict[str, str], wins: bool) -> None:
    general = image_route(A)
    special = {**image_route(B, key="special"), **match}
    brief = draft(project="acme", audience="trade", locale="de")
    plan = decide(brief, table(draft_route(), general, special), facts(model(A), model(B)))
    assert plan.step("image").chosen.model == (B if wins else A)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("project", "category"),
        ("category", "audience"),
        ("audience", "locale"),
        ("locale", "phase"),
    ],
)
def test_fields_weigh_in_the_stated_order(stronger: str, weaker: str) -> None:
    values = {
        "project": "acme",
        "category": "concept-sketch",
        "audience": "trade",
        "locale": "de",
        "phase": "draft",
    }
    brief = draft(project="acme", audience="trade", locale="de")
    by_weaker = {**image_route(A), weaker: values[weaker]}
    by_stronger = {**image_route(B, key="special"), stronger: values[stronger]}
    plan = decide(brief, table(draft_route(), by_weaker, by_stronger), facts(model(A), model(B)))
    assert plan.step("image").chosen.model == B


def test_a_steps_key_goes_before_its_kind() -> None:
    step = dataclasses.replace(IMAGE, key="plate")
    routes = table(draft_route(), image_route(A), image_route(B, key="plates", step="plate"))
    decision = decide(draft(steps=(step,)), routes, facts(model(A), model(B)))
    assert decision.step("plate").chosen.model == B


def test_without_a_route_nothing_is_chosen_and_the_remedy_is_named() -> None:
    decision = decide(draft(phase="hero"), table(draft_route()), facts(model(A)))
    assert decision.outcome == "no_route"
    assert decision.steps == ()
    assert decision.reasons == (
        "Routing version 7 has no route for concept-sketch, hero: a manager can publish a table that has one",
    )


def test_a_pipeline_that_is_not_published_is_said() -> None:
    decision = decide(draft(), table(draft_route(pipeline="gone@3")), facts(model(A)))
    assert decision.outcome == "no_route"
    assert decision.reasons == ("The pipeline gone@3 is not published: publish it, or route to another one",)


def test_a_step_without_a_route_is_named() -> None:
    decision = decide(draft(), table(draft_route()), facts(model(A)))
    assert decision.outcome == "no_model"
    assert decision.reasons == (
        "image: no route names a model for this step; a manager can publish one that does",
    )


def test_a_step_that_waits_for_a_person_needs_no_model() -> None:
    step = Step(key="retouch", kind="human", stage="refinement")
    decision = decide(draft(steps=(step,)), table(draft_route()), facts())
    assert (decision.outcome, decision.at_most) == ("go", Decimal(0))


# --- pins, approvals ---------------------------------------------------------------------------------


def test_a_pinned_model_stands_alone() -> None:
    plan = one_step(model(A), model(B), brief=draft(pinned={"image": B}))
    assert [choice.model for choice in plan.choices] == [B]
    assert plan.chosen.model == B


def test_a_pinned_model_that_is_not_eligible_is_not_replaced() -> None:
    plan = one_step(model(A), model(B, retired=True), brief=draft(pinned={"image": B}))
    assert plan.chosen is None


def test_an_approval_covers_only_the_models_that_it_names() -> None:
    plan = one_step(model(A), model(B), model(C), brief=draft(only={"image": (A, C)}))
    assert plan.chosen.model == A
    assert [choice.model for choice in plan.fallbacks] == [C]
    assert why(plan, B) == ("the approved request does not name it for this step",)


def test_an_approval_whose_models_are_gone_lets_nothing_through() -> None:
    brief = draft(only={"image": (A,)})
    decision = decide(
        brief,
        table(draft_route(), image_route(A, B)),
        facts(model(A, retired=True), model(B)),
    )
    assert decision.outcome == "no_model"
    assert decision.step("image").chosen is None


# --- health ------------------------------------------------------------------------------------------


def resting(until: datetime.datetime) -> Health:
    return Health(breaker=Breaker.OPEN, failure_share=Decimal("0.6"), calls=10, retry_at=until)


def test_a_resting_model_is_passed_over() -> None:
    later = NOW + datetime.timedelta(minutes=2)
    plan = one_step(model(A, health=resting(later)), model(B))
    assert plan.chosen.model == B
    assert why(plan, A) == ("it is resting until 12:02 UTC: 60% of its last 10 calls failed",)


def test_when_every_model_rests_the_take_waits_instead_of_going_through() -> None:
    first, second = (NOW + datetime.timedelta(minutes=m) for m in (5, 2))
    decision = decide(
        draft(),
        table(draft_route(), image_route(A, B)),
        facts(model(A, health=resting(first)), model(B, health=resting(second))),
    )
    assert (decision.outcome, decision.retry_at) == ("wait", second)


def test_a_model_that_is_resting_and_retired_is_not_waited_for() -> None:
    decision = decide(
        draft(),
        table(draft_route(), image_route(A)),
        facts(model(A, health=resting(NOW), retired=True)),
    )
    assert (decision.outcome, decision.retry_at) == ("no_model", None)


@pytest.mark.parametrize(("left", "eligible"), [("0.05", True), ("0.04", False)])
def test_a_probe_stays_within_its_money(left: str, eligible: bool) -> None:
    probed = Health(breaker=Breaker.HALF_OPEN, calls=5, probe_money_left=Decimal(left))
    plan = one_step(model(A, "0.05", health=probed))
    assert (plan.chosen is not None) is eligible


# --- caps and budgets --------------------------------------------------------------------------------

MOTION_RULE = {
    "key": "motion",
    "measure": "rejections",
    "reason": "motion",
    "at_least": 2,
    "step": "image",
    "tier": "character",
    "choices": [{"model": B}],
    "more_takes": 2,
}


def at_cap(*, used: int, rejected: int = 0, **brief: Any) -> Any:
    route = draft_route(cap=4, criteria=[MOTION_RULE])
    history = History(used=used, rejections={"motion": rejected})
    return decide(draft(**brief), table(route, image_route(A)), facts(model(A), model(B), history=history))


def test_below_the_cap_a_take_goes() -> None:
    decision = at_cap(used=3)
    assert (decision.outcome, decision.cap.left, decision.cap.ways_out) == ("go", 1, ())


def test_at_the_cap_a_manager_can_be_asked() -> None:
    decision = at_cap(used=4, count=2)
    assert decision.outcome == "cap"
    assert [(way.way, way.takes) for way in decision.cap.ways_out] == [("ask", 2)]


def test_at_the_cap_a_matching_criterion_offers_a_switch_with_what_was_measured() -> None:
    decision = at_cap(used=4, rejected=3)
    assert [way.way for way in decision.cap.ways_out] == ["ask", "switch"]
    assert decision.cap.ways_out[1].words == (
        "after 2 rejections for motion switch image to character with builtin/b"
        " for 2 more takes (measured: 3)"
    )


def test_a_switch_that_is_followed_puts_its_model_first_and_allows_more_takes() -> None:
    decision = at_cap(used=4, rejected=2, switch="motion")
    assert (decision.outcome, decision.cap.limit) == ("go", 6)
    assert decision.step("image").chosen.model == B
    assert [choice.model for choice in decision.step("image").fallbacks] == [A]


def test_a_switch_that_does_not_match_is_refused() -> None:
    decision = at_cap(used=0, rejected=1, switch="motion")
    assert decision.outcome == "cap"
    assert decision.step("image").chosen.model == A


def test_an_automatic_criterion_is_followed_without_being_asked_for() -> None:
    route = draft_route(criteria=[{**MOTION_RULE, "automatic": True}])
    history = History(rejections={"motion": 2})
    decision = decide(draft(), table(route, image_route(A)), facts(model(A), model(B), history=history))
    assert decision.step("image").chosen.model == B
    assert decision.criteria[0].applied


def test_a_changed_brief_is_not_held_against_a_model() -> None:
    rule = {**MOTION_RULE, "reason": "", "automatic": True}
    history = History(rejections={"brief_changed": 5, "anatomy": 1})
    decision = decide(
        draft(),
        table(draft_route(criteria=[rule]), image_route(A)),
        facts(model(A), model(B), history=history),
    )
    assert decision.criteria[0].measured == 1
    assert decision.step("image").chosen.model == A


def test_the_deliverables_own_cap_goes_before_the_routes_and_grants_come_on_top() -> None:
    history = History(used=2, cap=1, extra=3)
    decision = decide(draft(), table(draft_route(cap=9), image_route(A)), facts(model(A), history=history))
    assert (decision.cap.limit, decision.cap.left) == (4, 2)


def test_a_budget_that_cannot_hold_the_most_refuses_and_says_who_can_raise_it() -> None:
    budget = BudgetLeft(
        key="b1", scope="campaign", name="Autumn", left=Decimal("0.19"), raised_by="Max Manager"
    )
    decision = decide(
        draft(),
        table(draft_route(), image_route(A, B)),
        facts(model(A, "0.05"), model(B, "0.20"), budgets=(budget,)),
    )
    assert decision.outcome == "budget"
    assert decision.step("image").chosen.model == A
    short = decision.shortfalls[0]
    assert (short.needed, short.left) == (Decimal("0.20"), Decimal("0.19"))
    assert decision.reasons[-1] == (
        "This may cost 0.20 EUR, and 0.19 EUR are left in the budget Autumn; Max Manager can raise it"
    )


def test_a_soft_budget_warns_and_does_not_refuse() -> None:
    budget = BudgetLeft(key="b", scope="project", name="Acme", left=Decimal(0), hard=False)
    decision = decide(draft(), table(draft_route(), image_route(A)), facts(model(A), budgets=(budget,)))
    assert decision.outcome == "go"
    assert [short.key for short in decision.shortfalls] == ["b"]


def test_a_providers_budget_counts_that_providers_choices_alone() -> None:
    budget = BudgetLeft(key="b", scope="provider", name="fal", left=Decimal("0.3"), provider="fal")
    decision = decide(
        draft(count=2),
        table(draft_route(), image_route(A, "fal/x")),
        facts(model(A, "5"), model("fal/x", "0.2"), accounts=frozenset({"fal"}), budgets=(budget,)),
    )
    assert [(short.needed, short.left) for short in decision.shortfalls] == [(Decimal("0.4"), Decimal("0.3"))]


# --- errors ------------------------------------------------------------------------------------------


def test_a_route_may_change_what_an_error_leads_to() -> None:
    plan = one_step(model(A), model(B), route=image_route(A, B, on_error={"moderated": "next"}))
    assert plan.on_error == {**ON_ERROR, "moderated": "next"}


# --- the decision on paper ---------------------------------------------------------------------------


def test_the_document_has_amounts_with_eight_decimals() -> None:
    decision = decide(draft(), table(draft_route(), image_route(A)), facts(model(A)))
    paper = as_document(decision)
    assert (paper["expected"], paper["steps"][0]["chosen"]["at_most"]) == (
        "0.05000000",
        "0.05000000",
    )
    assert paper["cap"] == {"limit": None, "used": 0, "ways_out": []}
