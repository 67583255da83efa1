"""This code without its policies: statements come as the tables' owner, and nobody says for whom."""

from config.settings import *  # noqa: F403 - else the same

INSTALLED_APPS = [*INSTALLED_APPS, "bench.unlocking.Unlocked"]  # noqa: F405
