from functools import reduce
from operator import or_
from typing import Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

VIEWS = ("view", "list", "download")
"""Acts by which nothing changes: somebody looked."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def changes(self) -> Self:
        """Without those that tell of a look only."""
        looked = (Q(action__endswith=f".{view}") for view in VIEWS)
        return self.exclude(reduce(or_, looked))


class AuditEntry(models.Model):
    """Who did what to what, or looked at it, and when. Facts hold field names, ids and states; never secrets, never
    personal data.

    Rows are only ever added, by `audit.services.record`, in the transaction of the change they tell of. They point
    by id and not by foreign key, so that they outlive what they tell of.
    """

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=300, help_text="partner:<client id>, agent:<id>, administrator:<user id>")
    action = models.CharField(max_length=60, help_text="<thing>.<act>, for example agent.deactivate")
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    agency_id = models.BigIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["target_type", "target_id", "id"], name="audit_by_target"),
            models.Index(fields=["agency_id", "id"], name="audit_by_agency"),
            models.Index(fields=["actor", "id"], name="audit_by_actor"),
            models.Index(fields=["action", "id"], name="audit_by_action"),
            models.Index(fields=["request_id"], name="audit_by_request", condition=~Q(request_id="")),
            BrinIndex(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type}:{self.target_id} by {self.actor}"
