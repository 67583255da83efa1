"""Layouts that the rules were not written by: they were laid down first, and are looked at in sums alone."""

from evaluation.held_out import boxed, written
from evaluation.page import Layout

LAYOUTS: tuple[Layout, ...] = (*written.LAYOUTS, *boxed.LAYOUTS)
