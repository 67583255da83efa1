"""Samples in curl, JavaScript and Python: each can be pasted, with TOKEN set (and BASE_URL, if it is another); under
`/oauth/`, CLIENT_ID and CLIENT_SECRET."""

import json
from typing import Any

from api.openapi import examples
from api.operations import Operation

Json = dict[str, Any]
_FROM_ENVIRONMENT = 'os.environ["TOKEN"]'


def of(method: str, path: str, body: Json | None, declared: Operation) -> list[Json]:
    """The `x-codeSamples` of an operation."""
    path = path.format(**examples.PATH_IDS)
    if declared.takes and examples.needs_file(declared.takes):
        return _labelled(_curl_upload(method, path), _javascript_upload(method, path), _python_upload(method, path))
    return _labelled(_curl(method, path, body), _javascript(method, path, body), _python(method, path, body))


def of_service(method: str, path: str, form: Json | None) -> list[Json]:
    """Of a call that takes no token. A form goes with the client's credentials; what is None in it is TOKEN."""
    return _labelled(
        _curl_service(method, path, form), _javascript_service(method, path, form), _python_service(method, path, form)
    )


def _labelled(curl: str, javascript: str, python: str) -> list[Json]:
    return [
        {"lang": "Shell", "label": "curl", "source": curl},
        {"lang": "JavaScript", "label": "JavaScript", "source": javascript},
        {"lang": "Python", "label": "Python", "source": python},
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
    return _fetched(method, path, ["  headers: {", *headers, "  },", *extra])


def _fetched(method: str, path: str, options: list[str]) -> str:
    lines = [
        'const base = process.env.BASE_URL ?? "http://127.0.0.1:8000";',
        f"const response = await fetch(`${{base}}{path}`, {{",
        f'  method: "{method}",',
        *options,
        "});",
        "console.log(response.status, await response.text());",
    ]
    return "\n".join(lines)


def _python(method: str, path: str, body: Json | None) -> str:
    headers = '    headers={"Authorization": f"Bearer {os.environ[\'TOKEN\']}"},'
    return _requested(method, path, [headers, *([f"    json={body!r},"] if body is not None else [])])


def _requested(method: str, path: str, options: list[str]) -> str:
    lines = [
        "import os",
        "",
        "import requests",
        "",
        'base = os.environ.get("BASE_URL", "http://127.0.0.1:8000")',
        f"response = requests.{method.lower()}(",
        f'    base + "{path}",',
        *options,
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


# --- without a token ----------------------------------------------------------------------------------


def _curl_service(method: str, path: str, form: Json | None) -> str:
    lines = [f'curl -X {method} "${{BASE_URL:-http://127.0.0.1:8000}}{path}"']
    if form:
        lines.append('-u "$CLIENT_ID:$CLIENT_SECRET"')
        lines += [f'-d "{name}={value or "$TOKEN"}"' for name, value in form.items()]
    return " \\\n  ".join(lines)


def _javascript_service(method: str, path: str, form: Json | None) -> str:
    if not form:
        return _fetched(method, path, [])
    sent = {"client_id": "process.env.CLIENT_ID", "client_secret": "process.env.CLIENT_SECRET"}
    sent |= {name: json.dumps(value) if value else "process.env.TOKEN" for name, value in form.items()}
    fields = [f"    {name}: {value}," for name, value in sent.items()]
    return _fetched(method, path, ["  body: new URLSearchParams({", *fields, "  }),"])


def _python_service(method: str, path: str, form: Json | None) -> str:
    if not form:
        return _requested(method, path, [])
    sent = ", ".join(f'"{name}": {json.dumps(value) if value else _FROM_ENVIRONMENT}' for name, value in form.items())
    who = '    auth=(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]),'
    return _requested(method, path, [who, f"    data={{{sent}}},"])
