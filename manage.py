#!/usr/bin/env python
"""Django's command line, for this project's settings."""

import sys

from django.core.management import execute_from_command_line

from config import startup

if __name__ == "__main__":
    startup.prepare()
    execute_from_command_line(sys.argv)
