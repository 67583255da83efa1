"""Addresses that lead inward, in production's settings: refused when saved, and again when dialled.

Names resolve as a file of the drill's own says, by way of the C library.
"""

import os
from pathlib import Path

import pytest

from tests.running.conftest import wait_for
from webhooks.models import Subscription

from .conftest import Conclude, Neighbours, NewWorker, new_stage
from .scripted import Receiver
from .stage import Hook, Site, Stage, check_invariant

PUBLIC = "93.184.216.34"
NAMES = {
    "moves.example.com": [PUBLIC],
    "mixed.example.com": [PUBLIC, "127.0.0.1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
    "sixtofour.example.com": ["2002:7f00:1::1"],
    "metadata.example.com": ["169.254.169.254"],
}
DISGUISED = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[::1]"]
RESOLVER = {"LD_PRELOAD": "libnss_wrapper.so"}
