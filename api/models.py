from django.db import models
from django.db.models.functions import Now

from api.totals import FIRST_START


class IdempotentAnswer(models.Model):
    """The first answer to a `POST` with an `Idempotency-Key`, kept for replay (api/idempotency.py)."""

    actor = models.CharField(max_length=300, db_default="", help_text="Whose; none of before there were policies")
    key_digest = models.BinaryField(max_length=32, primary_key=True, help_text="Keyed digest of principal and key")
    fingerprint = models.BinaryField(max_length=32, help_text="Keyed digest of what was asked")
    sealed_answer = models.BinaryField(help_text="Status, headers and body, encrypted")
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"answer of {self.created_at:%Y-%m-%d %H:%M}"


class Segment(models.Model):
    """Where another segment of somebody's list begins (api/totals.py). Lists that are not long have none but the first,
    which is not entered here."""

    listed = models.CharField(max_length=63, help_text="The table whose rows are listed")
    owner = models.CharField(max_length=36, help_text="Whose list it is: an id")
    start = models.UUIDField(help_text="The key of its first row")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "listed", "start"], name="segment_unique")]

    def __str__(self) -> str:
        return f"{self.listed} of {self.owner} from {self.start}"


class Total(models.Model):
    """A share of how many rows somebody's list has, in one part and segment of it: the total is their sum
    (api/totals.py)."""

    listed = models.CharField(max_length=63, help_text="The table whose rows are listed")
    owner = models.CharField(max_length=36, help_text="Whose list it is: an id")
    part = models.CharField(max_length=20)
    start = models.UUIDField(db_default=FIRST_START, help_text="Of the segment")
    amount = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["owner", "listed", "part", "start"], name="total_of_segment")]

    def __str__(self) -> str:
        return f"{self.amount} in {self.listed} of {self.owner}"
