"""Bringing the months before a team came."""

from __future__ import annotations

import dataclasses
import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from generation import history_jobs
from generation.api.calls import Call
from generation.api.serializers import money as shapes
from generation.models import HistoryJob
from projects.access import Right


class History(Call):
    """Two CSV files, applied whole or not at all; the same rows again change nothing.

    More than 50,000 rows are staged: the answer is 202 with a job.
    """

    policy = {"POST": Right.KEEP_BOOKS}
    parser_classes = [MultiPartParser]
    serializer_class = shapes.HistoryAnswer

    @extend_schema(
        request=shapes.HistoryBody,
        responses={201: shapes.HistoryAnswer, 202: shapes.HistoryJobAnswer},
    )
    def post(self, request: Request) -> Response:
        files = self.body(shapes.HistoryBody)
        done = history_jobs.submit(workspace=self.membership.workspace, by=self.membership, **files)
        if isinstance(done, HistoryJob):
            return self.answer(done, shapes.HistoryJobAnswer, code=202)
        return self.answer(dataclasses.asdict(done), code=201)


class OneHistoryJob(Call):
    """How far a large import is; `answer` once it is done, `errors` where it was refused."""

    policy = {"GET": Right.READ}
    serializer_class = shapes.HistoryJobAnswer

    @extend_schema(responses={200: shapes.HistoryJobAnswer})
    def get(self, request: Request, job: uuid.UUID) -> Response:
        return self.answer(self.row(HistoryJob, job))
