"""The reference of the REST API: its routes, from the application itself, and its description."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from orchestrator.api.application import create_application

API_OPENAPI = "../openapi.json"
"""The file in docs, from docs/reference."""
_INTRODUCTION = """\
`orchestrator api` serves these routes. Each request carries the bearer token of a user of the
cluster, and the API sends that token, and nothing else, to the API server: RBAC, the policies and
the audit log are those of the user. Browsers can [log in](../how-to/log-in-with-a-browser.md)
instead. [How to use it](../how-to/use-the-api.md) has examples with curl; `openapi.json` in the
folder `docs` describes each parameter and answer, and the API serves it at
`/automation/openapi.json`.

`{id}` is a name (in the namespace of `?namespace=`, `default` if absent), `NAMESPACE:NAME`, or a
uid.

- **Lists** take `namespace` (repeatable; all namespaces by default, which takes the right to list
  in the whole cluster), `sort`, `limit` and `page`. `notListed` names the given namespaces in which
  you may not list.
- **Versions**: objects have an `ETag`, which changes with their status too. Replacing and deleting
  need `If-Match` with it (428 without, 412 if the object has changed); other changes accept it.
- **Creations** accept an `Idempotency-Key`: a repeated request gives the same object with the
  status 200, and other content under the same key is refused with 422.
- **Errors** are problem details (RFC 9457, `application/problem+json`): `detail` says what was
  wrong and what would be right, `errors` has the path of each problem of a body.
- **Bodies** are JSON of at most 1 MiB or YAML of at most 256 KiB, and 64 levels deep. Unknown
  fields and parameters are refused.
- **The command line** uses `/automation/kubernetes/…` with [`--server`](cli.md): there, the API
  passes requests for our kinds, for pods, their logs and ControllerRevisions on to the API server,
  with the caller's token. Programs should use the routes below.
"""


def api_openapi() -> str:
    """The OpenAPI description as JSON."""
    return json.dumps(create_application(None).openapi(), indent=1, ensure_ascii=False) + "\n"


def api_routes(header: str) -> str:
    """The page of the routes."""
    description = create_application(None).openapi()
    tagged: dict[str, list[tuple[str, str, dict[str, Any]]]] = defaultdict(list)
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            tagged[route["tags"][0]].append((method.upper(), path, route))
    parts = [header, "# The REST API\n", _INTRODUCTION]
    for tag, routes in tagged.items():
        parts.append(f"## {tag[:1].upper()}{tag[1:]}\n")
        parts.append("| Route | What it does |\n|---|---|")
        for method, path, route in routes:
            words = " ".join(route["description"].split()).replace("|", "\\|")
            parts.append(f"| `{method} {path}` | {words} |")
        parts.append("")
    return "\n".join(parts)
