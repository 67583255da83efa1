from django.db import models
from django.db.models.functions import Now


class IdempotentAnswer(models.Model):
    """The first answer to a `POST` with an `Idempotency-Key`, kept for replay (api/idempotency.py)."""

    actor = models.CharField(max_length=300, db_default="", help_text="Whose; none of before there were policies")
    key_digest = models.BinaryField(max_length=32, primary_key=True, help_text="Keyed digest of principal and key")
    fingerprint = models.BinaryField(max_length=32, help_text="Keyed digest of what was asked")
    sealed_answer = models.BinaryField(help_text="Status, headers and body, encrypted")
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"answer of {self.created_at:%Y-%m-%d %H:%M}"


class Total(models.Model):
    """A share of how many rows somebody's list has, in one part of it: the total is their sum (api/totals.py)."""

    listed = models.CharField(max_length=63, help_text="The table whose rows are listed")
    owner = models.CharField(max_length=36, help_text="Whose list it is: an id")
    part = models.CharField(max_length=20)
    amount = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["owner", "listed", "part"], name="total_of_list")]

    def __str__(self) -> str:
        return f"{self.amount} in {self.listed} of {self.owner}"
