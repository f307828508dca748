"""Any OpenAI-compatible chat server (OpenAI, LiteLLM, vLLM, llama.cpp, Ollama): it writes and judges.

It takes the places of the built-in grammar and judge in a pipeline: a step of kind `text` ends in words that
the next step has as its prompt, one of kind `judge` in scores of the same form. What a server offers is a
model of the workspace's own; its capabilities may say
  model         the server's name for it, where the key has another
  vision        a text may look at pictures too (a judge always does)
  json          false where the server does not know `response_format`
  input_weight  the price of a token that goes in, in tokens that come out, where it is billed by tokens
"""

from __future__ import annotations

import dataclasses
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from generation.providers import answers, chat_answers, chat_messages
from generation.providers.chat_answers import WHO
from generation.providers.parameters import refuse
from generation.providers.profile import Abilities, Field, Profile
from generation.providers.protocol import (
    Account,
    ErrorClass,
    Job,
    ModelFacts,
    Provider,
    ProviderError,
    StepRequest,
    Submitted,
)
from generation.providers.sheets import Sheet

KINDS = ("text", "judge")
IN_DOUBT = (408, 502, 504)  # its own 500 says that the call failed
COST = "x-litellm-response-cost"
sheet = Sheet(__file__)


class Chat(Provider):
    name = "chat"
    profile = Profile(
        title="OpenAI-compatible chat",
        key=(Field("key", "API key", "Only where the server asks for one.", required=False),),
        note="The address ends where /chat/completions begins, such as https://api.openai.com/v1. A server "
        "in a private network must be named by the operator in PRIVATE_HOSTS.",
    )
    abilities = Abilities(blocking=True)

    def translate(self, *, model: ModelFacts, request: StepRequest) -> Job:
        able = model.capabilities
        if request.kind not in KINDS:
            raise refuse(f"{model.key} writes and judges; it does not do {request.kind}.")
        made = sheet.translate(model=_seeing(model, request.kind), request=request)
        if request.kind == "judge" and "source" not in made.files:
            raise refuse(f"{model.key} needs a picture to judge; it does not look at films.")
        if request.kind == "text" and not made.body.get("prompt"):
            raise refuse("A prompt cannot be written from an empty brief.")
        payload = {
            **made.payload,
            "model": str(able.get("model", model.endpoint)),
            "json": able.get("json") is not False,
            "input_weight": None if able.get("input_weight") is None else str(able["input_weight"]),
        }
        return Job(
            model=model.endpoint,
            kind=request.kind,
            payload=payload,
            inputs=tuple(made.inputs),
            dropped=made.dropped,
            adjusted=tuple(made.adjusted),
            blocking=True,
        )

    async def submit(self, client: httpx.AsyncClient, *, account: Account, job: Job) -> Submitted:
        words = sheet.document
        body: dict[str, Any] = {
            "model": job.payload["model"],
            "messages": await chat_messages.messages(job, words),
            **{name: value for name, value in job.payload["body"].items() if name not in words["ours"]},
        }
        if job.kind == "judge" and job.payload["json"]:
            body["response_format"] = {"type": "json_object"}
        response = await answers.send(
            client,
            "POST",
            _address(account, "chat/completions"),
            who=WHO,
            headers=_authorization(account),
            json=body,
        )
        if response.status_code != 200:
            error = chat_answers.error(response, codes=words["codes"])
            raise answers.refused(error, response, in_doubt=IN_DOUBT)
        told = answers.read_object(response)
        if not isinstance(told.get("choices"), list):
            raise answers.unreadable(WHO)
        weight = job.payload["input_weight"]
        status = chat_answers.status(
            told,
            ends=words["ends"],
            judged=chat_messages.criteria(job.payload, words) if job.kind == "judge" else (),
            input_weight=None if weight is None else Decimal(weight),
            charge=_charge(response),
        )
        # Some servers draw their ids from a thousand numbers.
        job_id = f"{told.get('id') or 'chat'}-{uuid.uuid4().hex[:12]}"
        return Submitted(job_id, {"endpoint": job.model, "model": str(told.get("model", ""))}, status)

    async def test(self, client: httpx.AsyncClient, *, account: Account) -> str:
        headers = _authorization(account)
        response = await answers.ask(client, "GET", _address(account, "models"), who=WHO, headers=headers)
        if response.status_code != 200:
            raise chat_answers.error(response, codes=sheet.document["codes"])
        models = answers.read_object(response).get("data")
        if not isinstance(models, list):
            raise ProviderError(ErrorClass.BAD_REQUEST, "There is no chat server at this address.")
        count = f"{len(models)} model{'' if len(models) == 1 else 's'}"
        return f"{self.profile.title}: the server answers, with {count}."


provider = Chat()


def _seeing(model: ModelFacts, kind: str) -> ModelFacts:
    """The model with the parameters for pictures, where it looks at any."""
    if kind != "judge" and not model.capabilities.get("vision"):
        return model
    own = model.capabilities.get("parameters") or {}
    seeing = {**sheet.document["families"]["vision"], **own}
    return dataclasses.replace(model, capabilities={**model.capabilities, "parameters": seeing})


def _authorization(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.key}"} if account.key else {}


def _address(account: Account, path: str) -> str:
    return f"{account.base_url.rstrip('/')}/{path}"


def _charge(response: httpx.Response) -> Decimal | None:
    """What a LiteLLM gateway says that the call cost; nothing and zero say nothing."""
    try:
        cost = Decimal(response.headers[COST])
    except (KeyError, InvalidOperation):
        return None
    return cost if cost.is_finite() and cost > 0 else None
