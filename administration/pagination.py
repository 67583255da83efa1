"""Pages of tables that are too long to be counted at each look."""

from unfold.paginator import InfinitePaginator

DEEPEST_ROW = 10_000
"""How far one pages; who looks for a row further down searches for it, or narrows the list by a filter."""


class UncountedPaginator(InfinitePaginator):
    """Previous and next, and no count."""

    count = DEEPEST_ROW
