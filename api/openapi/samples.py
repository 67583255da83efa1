"""Samples in curl, JavaScript and Python: each can be pasted, with TOKEN set (and BASE_URL, if it is another)."""

import json
from typing import Any

from api.openapi import examples
from api.operations import Operation

Json = dict[str, Any]


def of(method: str, path: str, body: Json | None, declared: Operation) -> list[Json]:
    """The `x-codeSamples` of an operation."""
    path = path.format(**examples.PATH_IDS)
    if declared.takes and examples.needs_file(declared.takes):
        return [
            {"lang": "Shell", "label": "curl", "source": _curl_upload(method, path)},
            {"lang": "JavaScript", "label": "JavaScript", "source": _javascript_upload(method, path)},
            {"lang": "Python", "label": "Python", "source": _python_upload(method, path)},
        ]
    return [
        {"lang": "Shell", "label": "curl", "source": _curl(method, path, body)},
        {"lang": "JavaScript", "label": "JavaScript", "source": _javascript(method, path, body)},
        {"lang": "Python", "label": "Python", "source": _python(method, path, body)},
    ]


def _curl(method: str, path: str, body: Json | None) -> str:
    lines = [f'curl -X {method} "${{BASE_URL:-http://127.0.0.1:8000}}{path}"', '-H "Authorization: Bearer $TOKEN"']
    if body is not None:
        quoted = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{quoted}'"]
    return " \\\n  ".join(lines)


def _javascript(method: str, path: str, body: Json | None) -> str:
    headers = ["    Authorization: `Bearer ${process.env.TOKEN}`,"]
    extra = []
    if body is not None:
        headers.append('    "Content-Type": "application/json",')
        extra.append(f"  body: JSON.stringify({json.dumps(body, ensure_ascii=False)}),")
    lines = [
        'const base = process.env.BASE_URL ?? "http://127.0.0.1:8000";',
        f"const response = await fetch(`${{base}}{path}`, {{",
        f'  method: "{method}",',
        "  headers: {",
        *headers,
        "  },",
        *extra,
        "});",
        "console.log(response.status, await response.text());",
    ]
    return "\n".join(lines)


def _python(method: str, path: str, body: Json | None) -> str:
    lines = [
        "import os",
        "",
        "import requests",
        "",
        'base = os.environ.get("BASE_URL", "http://127.0.0.1:8000")',
        f"response = requests.{method.lower()}(",
        f'    base + "{path}",',
        '    headers={"Authorization": f"Bearer {os.environ[\'TOKEN\']}"},',
        *([f"    json={body!r},"] if body is not None else []),
        "    timeout=30,",
        ")",
        "print(response.status_code, response.text)",
    ]
    return "\n".join(lines)


# --- with a file ------------------------------------------------------------------------------------


def _curl_upload(method: str, path: str) -> str:
    return _curl(method, path, None) + " \\\n  -F 'file=@declarations.pdf;type=application/pdf'"


def _javascript_upload(method: str, path: str) -> str:
    return "\n".join(
        [
            'import { openAsBlob } from "node:fs";',
            "",
            "const form = new FormData();",
            'form.append("file", await openAsBlob("declarations.pdf"), "declarations.pdf");',
            _javascript(method, path, None).replace("  headers: {", "  body: form,\n  headers: {"),
        ]
    )


def _python_upload(method: str, path: str) -> str:
    file = '    files={"file": open("declarations.pdf", "rb")},\n    timeout=30,'
    return _python(method, path, None).replace("    timeout=30,", file)
