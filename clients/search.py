"""Finding clients by words, by one GIN index whatever is asked.

Each client keeps the words it can be found by, each with its agent's id before it. So a search reads the entries of
one agent's clients and of nobody else's: it costs the same whether the platform has a thousand clients or a million,
and is a tenant's own by construction. Words are kept folded: without case and accents, so that `jose` finds `José`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import phonenumbers
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db.models import Func, Lookup, TextField, Value

from agents.serializers import PHONE_REGION

WORD = re.compile(r"[^\W_]+")
SHORTEST_PHONE_END = 4
MOST_WORDS = 10
"""Of one search; what is written after them does not narrow it."""
LONGEST_WORD = 50
"""Letters. Words that begin so far alike are not told apart. A letter takes 4 bytes at most, so each entry is far below
PostgreSQL's 2,046; and with no more places for a search to begin at than names have letters, all entries of a client
are far below its 1,048,575."""


class Kind(Enum):
    """What a word is of, as it stands in the index."""

    ANY = "a"
    NAME = "n"
    EMAIL = "e"
    PHONE = "p"


def fold(text: str) -> str:
    """Without case and accents: letter by letter, some of which become many."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def words_of(text: str) -> list[str]:
    """The folded words of a text, in order; of each, what is kept and looked for."""
    return [word[:LONGEST_WORD] for word in WORD.findall(fold(text))]


def entries(*, agent_id: int, first_name: str, last_name: str, email: str, phone_number: str) -> Func:
    """The value of the index's column for such a client."""
    names = {word for name in (first_name, last_name) for word in _beginnings(name)}
    phone = phone_key(phone_number)
    phone_ends = {phone[start:] for start in range(len(phone) - SHORTEST_PHONE_END + 1)}
    found = {_entry(agent_id, Kind.NAME, word) for word in names}
    found |= {_entry(agent_id, Kind.ANY, word) for word in names | phone_ends | set(words_of(email))}
    if email:
        found.add(_entry(agent_id, Kind.EMAIL, email_key(email)))
    if phone:
        found.add(_entry(agent_id, Kind.PHONE, phone))
    return Entries(Value(sorted(found), output_field=ArrayField(TextField())))


def query_of_words(agent_id: int, kind: Kind, text: str) -> str | None:
    """Each word of the text begins a word of the client; None where the text has no word to find by."""
    words = words_of(text)[:MOST_WORDS]
    return " & ".join(f"{_quoted(_entry(agent_id, kind, word))}:*" for word in words) or None


def query_of_words_by_any(agent_ids: Iterable[int], text: str) -> str | None:
    """The same among the clients of any of these agents; None also where there are none of them."""
    queries = (query_of_words(agent_id, Kind.ANY, text) for agent_id in agent_ids)
    return " | ".join(f"({query})" for query in queries if query) or None


def query_of_value(agent_id: int, kind: Kind, value: str) -> str:
    """This very value."""
    return _quoted(_entry(agent_id, kind, value))


def email_key(address: str) -> str:
    """What two writings of one address have in common."""
    return address.casefold()


def phone_key(number: str) -> str:
    """The digits that two writings of one number have in common, its country's first; "" where there are none."""
    try:
        parsed = phonenumbers.parse(number, PHONE_REGION)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


def sort_key(first_name: str, last_name: str) -> str:
    """By which clients are sorted by name: the last name first, on every machine alike."""
    return f"{fold(last_name)} {fold(first_name)}"[:200]


class EntriesField(SearchVectorField):
    """Written and searched, and never read: so a row can be shown, changed and destroyed whatever stands in it.

    What is read is NULL: whoever saves a row that was read saves other fields only, or calls `Client.index` before.
    """

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, tuple[()]]:
        return "NULL::tsvector", ()

    def deconstruct(self) -> Any:
        """In migrations it is what it is in the database."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.contrib.postgres.search.SearchVectorField", args, kwargs


class Entries(Func):
    """Of an array of them. array_to_tsvector does not look at how large they are, and may make what cannot be read: so
    that is read here, and where it fails, nothing is written."""

    template = "array_to_tsvector(%(expressions)s)::text::tsvector"
    output_field = SearchVectorField()


class PhoneDigits(Func):
    """The last ten digits of a number as it is written: by these, the admin finds a client of anybody's."""

    template = "right(regexp_replace(%(expressions)s, '[^0-9]', '', 'g'), 10)"
    output_field = TextField()


@SearchVectorField.register_lookup
class Finds(Lookup):
    """`words__finds=query`: the query is one of ours, already in tsquery's own form."""

    lookup_name = "finds"
    prepare_rhs = False
    gathers = True
    """It finds few rows by an index of its own, which is read before anything else is asked: see api.statements."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} @@ %s::tsquery", [*params, self.rhs]


@SearchVectorField.register_lookup
class FindsOwn(Finds):
    """The same among the clients of the agency for which the database is asked: by a function of the database's, for a
    policy would stand before the index (docs/row-level-security.md)."""

    lookup_name = "finds_own"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        key, params = compiler.compile(self.lhs.target.model._meta.pk.get_col(self.lhs.alias))
        return f"{key} = ANY (ARRAY(SELECT clients_with_words(%s::tsquery)))", [*params, self.rhs]  # asked once


def _entry(agent_id: int, kind: Kind, word: str) -> str:
    return f"{agent_id}{kind.value}{word}"


def _beginnings(name: str) -> Iterator[str]:
    """What a search may begin with: each word, and where a script puts no spaces between them, from each letter on."""
    yield from words_of(name)
    if any(unicodedata.category(letter) == "Lo" for letter in fold(name)):
        for start in range(len(name)):
            yield from words_of(name[start:])[:1]


def _quoted(entry: str) -> str:
    """As tsquery reads it: one lexeme, whatever stands in it."""
    escaped = entry.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
