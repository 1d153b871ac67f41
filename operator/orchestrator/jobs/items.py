"""A fan-out's items as files: every pod of an Indexed Job mounts all, and reads its own line.

The cost of a mount depends on the number of files, not on their size, so a file contains a hundred
items if they are small. A line is read by a shim that decodes and never evaluates: `NAME=value`
fields between tabs, where every byte that is not printable ASCII is an octal escape of printf's %b.
Images without a shell read JSON lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.engine.expression_budgets import MAX_ITEMS_BYTES
from orchestrator.jobs.refusal import JobRefused
from orchestrator.models.reasons import Reason

ITEMS_PER_FILE = (100, 20, 4, 1)
"""Items per file, fewer if they are large; $PARAMS_PER_FILE."""
MAX_SHARD = 900 * 1024
"""Maximum bytes of one ConfigMap; Kubernetes accepts 1 MiB."""
MAX_ITEMS = 10_000
"""Maximum number of items of a fan-out."""
DIRECTORY = "/automation/items"
"""Where the items are mounted; $PARAMS_DIR."""
ARGUMENT = "+"
"""The name of a field that is an additional word of the command."""

SHIM = r"""set -f
tab=$(printf '\t')
rest=$(sed -n "$((JOB_COMPLETION_INDEX % PARAMS_PER_FILE + 1))p" \
  "$PARAMS_DIR/items-$((JOB_COMPLETION_INDEX / PARAMS_PER_FILE))")
[ -n "$rest" ] || { echo "there are no parameters for item $JOB_COMPLETION_INDEX" >&2; exit 125; }
while [ -n "$rest" ]; do
  field=${rest%%"$tab"*}
  case $rest in *"$tab"*) rest=${rest#*"$tab"} ;; *) rest= ;; esac
  value=$(printf '%b.' "${field#*=}")
  value=${value%.}
  case $field in
    +=*) set -- "$@" "$value" ;;
    *) export "${field%%=*}=$value" ;;
  esac
done
set +f
unset tab rest field value
exec "$@"
"""
"""Executes the container's process with the item's variables. The text is constant."""

_PLAIN = frozenset(range(0x20, 0x7F)) - {ord("\\")}


def shim_line(fields: Sequence[tuple[str, str]]) -> str:
    """One item's line for the shim."""
    return "\t".join(f"{name}={_octal(value)}" for name, value in fields)


def json_line(params: Mapping[str, Any]) -> str:
    """One item's line for images without a shell."""
    return json.dumps(params, separators=(",", ":"))


def config_data(lines: Sequence[str]) -> tuple[int, list[dict[str, str]]]:
    """The number of items per file, and the data of the ConfigMaps with the files.

    Raises JobRefused if no ConfigMaps can hold them.
    """
    if (total := sum(len(line) + 1 for line in lines)) > MAX_ITEMS_BYTES:
        message = (
            f"the {len(lines):,} items are {total:,} bytes together; at most {MAX_ITEMS_BYTES:,}"
        )
        raise JobRefused(Reason.TOO_MANY_ITEMS, message)
    for per_file in ITEMS_PER_FILE:
        files = list(_files(lines, per_file))
        if all(len(text) <= MAX_SHARD for _, text in files):
            return per_file, _shards(files)
    largest = max(map(len, lines))
    message = f"an item is {largest:,} bytes; a ConfigMap takes {MAX_SHARD:,}"
    raise JobRefused(Reason.PARAMS_TOO_LARGE, message)


def _shards(files: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    shards: list[dict[str, str]] = [{}]
    room = MAX_SHARD
    for name, text in files:
        if len(text) > room:
            shards.append({})
            room = MAX_SHARD
        shards[-1][name] = text
        room -= len(text)
    return shards


def _files(lines: Sequence[str], per_file: int) -> Iterator[tuple[str, str]]:
    for number, start in enumerate(range(0, len(lines), per_file)):
        yield f"items-{number}", "\n".join(lines[start : start + per_file]) + "\n"


def _octal(text: str) -> str:
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(chr(byte) if byte in _PLAIN else f"\\0{byte:03o}" for byte in text.encode())
