"""What reading one file may cost, and how its process (clients.reading.child) says why there is no text."""

SECONDS = 20
"""Of time on the clock, and of the processor's."""
MAX_MEMORY = 512 * 1024 * 1024
MAX_PAGES = 30
MAX_CHARACTERS = 200_000
MAX_BYTES = 4 * MAX_CHARACTERS
"""Of the text, as UTF-8."""
ENCRYPTED, DAMAGED, NO_ROOM = 3, 4, 5
"""Exit codes; any other but 0 is that of a process that was stopped."""
