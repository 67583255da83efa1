"""Pages of tables that are too long to be counted at each look."""

from unfold import paginator

DEEPEST_ROW = 10_000
"""How far one pages; who looks for a row further down searches for it, or narrows the list by a filter."""


class InfinitePaginator(paginator.InfinitePaginator):
    """Previous and next, and no count. By its name, unfold's templates know that there is none."""

    count = DEEPEST_ROW
