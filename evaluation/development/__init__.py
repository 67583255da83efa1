"""Layouts that the rules were written by."""

from evaluation.development import columns, forms, written
from evaluation.page import Layout

LAYOUTS: tuple[Layout, ...] = (*written.LAYOUTS, *columns.LAYOUTS, *forms.LAYOUTS)
