"""What libraries would log of what callers sent."""

from config.logs import without_what_was_sent


def test_what_a_server_could_not_read_is_not_repeated() -> None:
    told = "Invalid request from ip=10.1.2.3: Invalid HTTP Header: 'Authorization : Bearer agency_pat_x'"
    assert without_what_was_sent(None, "warning", {"event": told})["event"] == "Invalid request"
    told = "Error handling request GET /ada-lovelace-x7k2p/s/secret"
    assert without_what_was_sent(None, "error", {"event": told})["event"] == "Error handling request"


def test_a_tasks_error_tells_no_values() -> None:
    told = "duplicate key\nDETAIL:  Key (email)=(ann@private.example) already exists."
    kept = without_what_was_sent(None, "error", {"event": "task_failed", "error": told})
    assert kept["error"] == "duplicate key\nDETAIL: (left out)"
