"""Standing rules: a manager approves, beforehand and within bounds, hero requests of one client or brand."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from projects.identifiers import new_id
from projects.models.people import Person, Workspace
from projects.models.rows import WorkspaceQuerySet, append_only
from projects.models.work import Project

#: A decision that names a rule is within its bounds, and counts in the allowance of its month at once;
#: an undo gives back what the approval before it took. The row of the month is what races meet in.
COUNTED = """
    SELECT r.*, w.time_zone INTO rule
    FROM projects_standingrule r JOIN projects_workspace w ON w.id = r.workspace_id
    WHERE r.id = NEW.standing_rule_id FOR SHARE OF r;
    IF NEW.decision = 'approve' THEN
        SELECT h.requested_by_id, c.project_id INTO asked
        FROM projects_herorequest h
        JOIN projects_deliverable d ON d.id = h.deliverable_id
        JOIN projects_campaign c ON c.id = d.campaign_id
        WHERE h.id = NEW.hero_request_id;
        IF NEW.amount IS NULL OR NEW.amount > rule.up_to OR asked.project_id <> rule.project_id
           OR asked.requested_by_id = rule.set_by_id OR NEW.by_id <> rule.set_by_id
           OR rule.ended_at IS NOT NULL OR rule.until <= NEW.at THEN
            RAISE EXCEPTION 'the standing rule % does not cover this', rule.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_rule_covers';
        END IF;
        INSERT INTO projects_standingmonth AS m (project_id, month, allowance, used)
        VALUES (rule.project_id, to_char(NEW.at AT TIME ZONE rule.time_zone, 'YYYY-MM'),
                rule.allowance, NEW.amount)
        ON CONFLICT (project_id, month) DO UPDATE
            SET used = m.used + EXCLUDED.used, allowance = EXCLUDED.allowance;
    ELSIF NEW.decision = 'undo' THEN
        SELECT d.* INTO before FROM projects_herodecision d
        WHERE d.hero_request_id = NEW.hero_request_id AND d.sequence < NEW.sequence
        ORDER BY d.sequence DESC LIMIT 1;
        IF before.decision IS DISTINCT FROM 'approve'
           OR before.standing_rule_id IS DISTINCT FROM NEW.standing_rule_id THEN
            RAISE EXCEPTION 'nothing was approved by the standing rule %', rule.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_rule_covers';
        END IF;
        UPDATE projects_standingmonth SET used = used - before.amount
        WHERE project_id = rule.project_id
          AND month = to_char(before.at AT TIME ZONE rule.time_zone, 'YYYY-MM');
    END IF;
    RETURN NULL;
"""


class StandingRule(models.Model):
    """Approves each hero request of the project that costs at most `up_to`, in the name of `set_by`.

    Within an allowance for each month, or until a time, or both. Never edited: a change ends it and sets
    another, and what the month has used stays used.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="standing_rules")
    project = models.ForeignKey(Project, models.PROTECT, related_name="standing_rules")
    up_to = models.DecimalField(max_digits=20, decimal_places=8)
    allowance = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    set_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    ended_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        triggers = [
            pgtrigger.ReadOnly(name="standing_rule_is_kept", exclude=["ended_by", "ended_at"]),
            *append_only("standing_rule")[1:],
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(ended_at__isnull=True), name="standing_rule_once"
            ),
            models.CheckConstraint(condition=Q(up_to__gt=0), name="standing_rule_amount"),
            models.CheckConstraint(
                condition=Q(allowance__isnull=False, allowance__gte=F("up_to"))
                | Q(allowance__isnull=True, until__isnull=False),
                name="standing_rule_is_bounded",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="standing_rule_ended_by_somebody",
            ),
        ]


class StandingMonth(models.Model):
    """What the standing rules of a project have approved in a month (YYYY-MM), written by trigger alone."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, models.PROTECT, related_name="+")
    month = models.CharField(max_length=7)
    allowance = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    used = models.DecimalField(max_digits=20, decimal_places=8)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "month"], name="standing_month_once"),
            models.CheckConstraint(
                condition=Q(used__gte=0) & (Q(allowance__isnull=True) | Q(used__lte=F("allowance"))),
                name="standing_allowance",
            ),
        ]
