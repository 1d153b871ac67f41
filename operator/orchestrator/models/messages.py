"""Messages about invalid values, shared by the API server and the validator.

The rules of the schema use them as `messageExpression` in CEL, and the validator as texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from orchestrator.models.base import (
    APPROVER_PATTERN,
    BUCKET_PATTERN,
    DATA_KEY_PATTERN,
    DNS_LABEL_PATTERN,
    DNS_SUBDOMAIN_PATTERN,
    DURATION_PATTERN,
    ENDPOINT_PATTERN,
    ENVIRONMENT_PATTERN,
    HEADER_PATTERN,
    HOST_PATTERN,
    IDENTIFIER_PATTERN,
    PATH_PATTERN,
    PRINTABLE_PATTERN,
    QUANTITY_PATTERN,
    REGION_PATTERN,
    USERNAME_PATTERN,
)
from orchestrator.models.cel_text import (
    SELF,
    Condition,
    Text,
    choose,
    contains,
    first_match,
    formatted,
    lowered,
    matches,
    multiplied,
    replaced,
    rest,
    text,
    uppered,
    without,
)
from orchestrator.models.synonyms import SYNONYMS

MAX_QUOTED = 78
"""Maximum length of a value that a message repeats."""
MAX_LISTED = 8
"""Maximum number of nodes that a message lists."""
_HIDDEN = "\x00-\x1f\x7f-\x9f\u061c\u200b-\u206f\ufeff"
_PREFIX = 3
"""Number of first letters that a misspelled value must share with the suggested one."""

QUOTED = choose(
    (contains(SELF, rf"['\\{_HIDDEN}]|.{{{MAX_QUOTED + 1}}}"), "the value"),
    otherwise=text("'") + SELF + "'",
)
"""The value in quotes, or "the value" if it is long or contains characters that a terminal might
not display."""


def _write(proposal: Text, when: Condition) -> Text:
    return choose((when, "; write '" + proposal + "'"), otherwise="")


def _separated_by(separator: str, *separators: str) -> Text:
    name = SELF
    for other in separators:
        name = replaced(name, other, separator)
    return name


_WORDS = first_match(_separated_by("_", "-", ".", " ", "/"), "[a-zA-Z][a-zA-Z0-9_]*")
PROPOSED_IDENTIFIER = choose(
    (matches(_WORDS, "[^a-z]*"), lowered(_WORDS)),
    otherwise=lowered(first_match(_WORDS, "^.")) + rest(_WORDS),
)
"""The nearest identifier: `check_db` for `check-db`; empty if there is none."""
PROPOSED_NAME = first_match(
    lowered(_separated_by("-", "_", ".", " ", "/")), "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
)
"""The nearest name of an object or label: `check-db` for `Check_DB`; may be empty."""

_NUMBER = "[0-9]+([.][0-9]+)?"
_UNIT = "s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|ms|msecs?|milli(s|seconds?)"
_WITHOUT = [" ", ",", "pt", "illi", "econd", "ec", "inutes", "inute", "ins", "in", "our", "r"]
"""Parts to remove from a duration with unit names; a second may be `ss` afterwards."""
_DURATIONS = (
    (matches(SELF, f" *{_NUMBER} *"), first_match(SELF, _NUMBER) + "s"),
    (
        matches(lowered(SELF), f" *(pt)?({_NUMBER} *({_UNIT})[ ,]*)+"),
        replaced(replaced(without(lowered(SELF), *_WITHOUT), "ss", "s"), "hs", "h"),
    ),
)
_LONG = tuple(
    (matches(SELF, f" *[0-9]{{1,4}} *({words}) *"), multiplied(first_match(SELF, "[0-9]+"), hours))
    for words, hours in (("d|days?", 24), ("w|weeks?", 7 * 24))
)
"""Durations in days and weeks, converted to hours."""
PROPOSED_DURATION = choose(
    *_DURATIONS, *((long, hours + "h") for long, hours in _LONG), otherwise=""
)
"""The probable duration: `5m` for `5 min`, `48h` for `2 days`; empty if unknown."""

_PREFIXED = matches(SELF, f" *{_NUMBER} *[kKmMgGtTpPeE]?i?[bB]? *")
_BINARY = contains(lowered(SELF), "[kmgtpe]i")
_QUANTITY = first_match(SELF, _NUMBER) + choose(
    (_BINARY, first_match(uppered(SELF), "[KMGTPE]") + "i"),
    (contains(SELF, "[kK]"), "k"),
    otherwise=first_match(uppered(SELF), "[MGTPE]"),
)
PROPOSED_QUANTITY = choose((_PREFIXED, _QUANTITY), otherwise="")
"""The nearest Kubernetes quantity: `1Gi` for `1 GiB`, `500M` for `500mb`; may be empty."""

_WHO = first_match(SELF, "[^:@ ][^:]*$")
_WITH_PREFIX = matches(SELF, "(system|oidc):[^ ]+")
"""A name as Kubernetes knows it, with a prefix of Kubernetes' or of the login's."""
PROPOSED_APPROVER = choose(
    (contains(SELF, "@"), "user:"),
    (matches(SELF, "system:serviceaccount:[^ ]+"), "user:"),
    otherwise="group:",
) + choose((_WITH_PREFIX, SELF), (matches(_WHO, ""), "NAME"), otherwise=_WHO)
"""The probable approver, such as `user:ana@example.com`, `group:sre` or
`user:system:serviceaccount:shop:portal`."""

_VARIABLE = first_match(_separated_by("_", "-", ".", " "), "[A-Za-z_][A-Za-z0-9_]*")
_KUBERNETES_NAME = (
    QUOTED
    + " is not a Kubernetes name: lower-case letters, digits and '-', with a letter or digit at"
    " both ends" + _write(PROPOSED_NAME, matches(SELF, "[ -~]*[a-zA-Z0-9][ -~]*"))
)
PATTERNS: dict[str, Text] = {
    IDENTIFIER_PATTERN: QUOTED
    + " is not a name: a lower-case letter, then letters, digits and _"
    + _write(PROPOSED_IDENTIFIER, matches(SELF, "[ -~]*[a-zA-Z][ -~]*")),
    DURATION_PATTERN: choose(
        *(
            (long, formatted("%s is not a duration; write %sh", QUOTED, hours))
            for long, hours in _LONG
        ),
        otherwise=QUOTED
        + " is not a duration; write "
        + choose(*_DURATIONS, otherwise="one such as 30s, 5m, 1h30m or 500ms"),
    ),
    DNS_LABEL_PATTERN: _KUBERNETES_NAME,
    DNS_SUBDOMAIN_PATTERN: _KUBERNETES_NAME,
    APPROVER_PATTERN: QUOTED
    + " is neither user:NAME nor group:NAME; write '"
    + PROPOSED_APPROVER
    + "'",
    ENVIRONMENT_PATTERN: QUOTED
    + " is not the name of an environment variable: letters, digits and _"
    + _write(_VARIABLE, matches(SELF, "[ -~]*[A-Za-z_][ -~]*")),
    PATH_PATTERN: QUOTED + " is not an absolute path without ':'; write one such as /data",
    DATA_KEY_PATTERN: QUOTED + " is not a key of a Secret: letters, digits, '-', '_' and '.'",
    HOST_PATTERN: QUOTED + " is not the name or address of a host; write one such as"
    " imap.example.com, without a port",
    ENDPOINT_PATTERN: QUOTED + " is not the URL of a server; write one such as"
    " https://minio.storage.svc:9000, without a path",
    REGION_PATTERN: QUOTED + " is not a region; write one such as eu-central-1",
    BUCKET_PATTERN: QUOTED + " is not the name of a bucket: letters, digits, '-', '_' and '.', with"
    " a letter or digit first",
    HEADER_PATTERN: QUOTED + " is not the name of a header; write one such as X-Signature",
    USERNAME_PATTERN: QUOTED + " is not a user name: it must not contain ':'",
    PRINTABLE_PATTERN: QUOTED + " is not printable: it is empty or has a control character",
    QUANTITY_PATTERN: QUOTED
    + " is not a quantity; write "
    + choose((_PREFIXED, "'" + _QUANTITY + "'"), otherwise="one such as 1Gi or 500m"),
}
"""The messages about strings that do not match, by pattern."""

_CHOICE = re.compile(r"\^\(([A-Za-z]+(?:\|[A-Za-z]+)*)\)\??\$")


def about_pattern(pattern: str) -> Text | None:
    """The message about a string that does not match the pattern; None if there is no own
    message."""
    if choice := _CHOICE.fullmatch(pattern):
        return one_of(tuple(choice[1].split("|")))
    return PATTERNS.get(pattern)


@lru_cache(maxsize=256)
def one_of(values: tuple[str, ...], enumeration: str = "") -> Text:
    """The message about a string that is none of an enumeration's values."""
    return f"must be one of {', '.join(values)}, not " + QUOTED + meant(values, enumeration)


@lru_cache(maxsize=256)
def meant(values: tuple[str, ...], enumeration: str = "") -> Text:
    """`; did you mean 'Failed'?`, based on synonyms and first letters; may be empty."""
    synonyms = SYNONYMS.get(enumeration, {})
    cases = []
    for value in values:
        names = [name.replace("-", "[-_ ]?") for name, one in synonyms.items() if one == value]
        pattern = "|".join([f"{_beginning(value, values)}.*", *names])
        cases.append((matches(SELF, f"(?i){pattern}"), f"; did you mean '{value}'?"))
    return choose(*cases, otherwise="")


def _beginning(value: str, values: Iterable[str]) -> str:
    """The first letters that no other value has, at least three."""
    others = [other.lower() for other in values if other != value]
    lower = value.lower()
    for end in range(_PREFIX, len(lower)):
        if not any(other.startswith(lower[:end]) for other in others):
            return lower[:end]
    return lower


NODES_EXAMPLE = "write `nodes: [{name: NODE, action: NAME}]`"
NO_NODES = f"is required; {NODES_EXAMPLE}"
ZERO_PATTERN = r"^(0+(\.0+)?(ms|s|m|h))+$"
"""Matches durations of zero."""


def field(name: str) -> Text:
    """A field of an object, for a rule on the object."""
    return Text(f"self.{name}", str)


def not_zero(duration: Text = SELF) -> Text:
    """The message about a duration of zero."""
    return "'" + duration + "' must be longer than zero, such as 30s"


def whole_seconds(duration: Text = SELF) -> Text:
    """The message about the timeout of an action."""
    return "the timeout of an action must be in whole seconds, not '" + duration + "'"


def own_edge(node: Text = SELF) -> Text:
    """The message about an edge from a node to itself."""
    return "leads from '" + node + "' to itself; to run a node again use repeat or retry"


def boolean_name(name: Text = SELF) -> Text:
    """The message about a name such as `on`."""
    return "'" + name + "' cannot be a name: YAML reads it as a boolean; choose another"


def unknown_node(name: str, nodes: Sequence[str]) -> str:
    """The message about a node that does not exist; lists the nodes of a small workflow."""
    few = 0 < len(nodes) <= MAX_LISTED
    return f"there is no node '{name}'" + (f"; the nodes are {', '.join(nodes)}" if few else "")


def unknown_node_in_cel(name: str) -> str:
    """The message of `unknown_node` in CEL, for a rule on WorkflowSpec; `name` is an expression.

    It uses `format`, whose cost does not depend on the lengths of its arguments, which are unknown
    here.
    """
    first, *others = (f"self.nodes[{index}].name" for index in range(MAX_LISTED))
    more = "".join(
        f" + (self.nodes.size() > {index} ? ', ' + {other} : '')"
        for index, other in enumerate(others, 1)
    )
    listed = f"(self.nodes.size() > {MAX_LISTED} ? '' : '; the nodes are ' + {first}{more})"
    return f"\"there is no node '%s'%s\".format([{name}, {listed}])"
