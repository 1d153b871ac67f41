"""What is said of a wrong value, by the API server and by the validator alike.

`PATTERNS` and `one_of` are messages about strings, as CEL and in Python (`cel_text`); what concerns
objects and lists is written here side by side. The schema's rules take their `messageExpression`
from here, the validator its messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel

from orchestrator.models.base import (
    APPROVER_PATTERN,
    DNS_LABEL_PATTERN,
    DNS_SUBDOMAIN_PATTERN,
    DURATION_PATTERN,
    ENVIRONMENT_PATTERN,
    IDENTIFIER_PATTERN,
    PATH_PATTERN,
    QUANTITY_PATTERN,
)
from orchestrator.models.cel_text import (
    SELF,
    Condition,
    Text,
    choose,
    contains,
    formatted,
    found,
    literal,
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
"""Letters that a misspelt value must have in common with the one that is proposed."""

QUOTED = choose(
    (contains(SELF, rf"['\\{_HIDDEN}]|.{{{MAX_QUOTED + 1}}}"), "the value"),
    otherwise=text("'") + SELF + "'",
)
"""The value in quotes; one that is long, or that a terminal might not print as it is, is not."""


def _write(proposal: Text, when: Condition) -> Text:
    return choose((when, "; write '" + proposal + "'"), otherwise="")


def _separated_by(separator: str, *separators: str) -> Text:
    words = SELF
    for other in separators:
        words = replaced(words, other, separator)
    return words


_WORDS = found(_separated_by("_", "-", ".", " ", "/"), "[a-zA-Z][a-zA-Z0-9_]*")
PROPOSED_IDENTIFIER = choose(
    (matches(_WORDS, "[^a-z]*"), lowered(_WORDS)),
    otherwise=lowered(found(_WORDS, "^.")) + rest(_WORDS),
)
"""The nearest identifier: `check_db` for `check-db`; empty if there is none."""
PROPOSED_NAME = found(
    lowered(_separated_by("-", "_", ".", " ", "/")), "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
)
"""The nearest name of an object or label: `check-db` for `Check_DB`; may be empty."""

_NUMBER = "[0-9]+([.][0-9]+)?"
_UNIT = "s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|ms|msecs?|milli(s|seconds?)"
_WITHOUT = [" ", ",", "pt", "illi", "econd", "ec", "inutes", "inute", "ins", "in", "our", "r"]
"""What is left out of a duration with words: after that, a second may still be `ss`."""
_DURATIONS = (
    (matches(SELF, f" *{_NUMBER} *"), found(SELF, _NUMBER) + "s"),
    (
        matches(lowered(SELF), f" *(pt)?({_NUMBER} *({_UNIT})[ ,]*)+"),
        replaced(replaced(without(lowered(SELF), *_WITHOUT), "ss", "s"), "hs", "h"),
    ),
)
_LONG = tuple(
    (matches(SELF, f" *[0-9]{{1,4}} *({words}) *"), multiplied(found(SELF, "[0-9]+"), hours))
    for words, hours in (("d|days?", 24), ("w|weeks?", 7 * 24))
)
"""Durations in days and weeks, and their hours."""
PROPOSED_DURATION = choose(
    *_DURATIONS, *((long, hours + "h") for long, hours in _LONG), otherwise=""
)
"""The duration that was probably meant: `5m` for `5 min`, `48h` for `2 days`; empty if unknown."""

_PREFIXED = matches(SELF, f" *{_NUMBER} *[kKmMgGtTpPeE]?i?[bB]? *")
_BINARY = contains(lowered(SELF), "[kmgtpe]i")
_QUANTITY = found(SELF, _NUMBER) + choose(
    (_BINARY, found(uppered(SELF), "[KMGTPE]") + "i"),
    (contains(SELF, "[kK]"), "k"),
    otherwise=found(uppered(SELF), "[MGTPE]"),
)
PROPOSED_QUANTITY = choose((_PREFIXED, _QUANTITY), otherwise="")
"""The nearest quantity of Kubernetes: `1Gi` for `1 GiB`, `500M` for `500mb`; may be empty."""

_WHO = found(SELF, "[^:@ ][^:]*$")
PROPOSED_APPROVER = choose((contains(SELF, "@"), "user:"), otherwise="group:") + choose(
    (matches(_WHO, ""), "NAME"), otherwise=_WHO
)
"""`user:ana@example.com`, `group:sre`: the approver that was probably meant."""

_VARIABLE = found(_separated_by("_", "-", ".", " "), "[A-Za-z_][A-Za-z0-9_]*")
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
    QUANTITY_PATTERN: QUOTED
    + " is not a quantity; write "
    + choose((_PREFIXED, "'" + _QUANTITY + "'"), otherwise="one such as 1Gi or 500m"),
}
"""The message about a string that does not match, by pattern."""

_CHOICE = re.compile(r"\^\(([A-Za-z]+(?:\|[A-Za-z]+)*)\)\??\$")


def about_pattern(pattern: str) -> Text | None:
    """The message about a string that does not match; None if there is none but the pattern."""
    if choice := _CHOICE.fullmatch(pattern):
        return one_of(tuple(choice[1].split("|")))
    return PATTERNS.get(pattern)


@lru_cache(maxsize=256)
def one_of(values: tuple[str, ...], enumeration: str = "") -> Text:
    """The message about a string that is none of an enumeration's values."""
    return f"must be one of {', '.join(values)}, not " + QUOTED + meant(values, enumeration)


@lru_cache(maxsize=256)
def meant(values: tuple[str, ...], enumeration: str = "") -> Text:
    """`; did you mean 'Failed'?`, by the value's other names and first letters; may be empty."""
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


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """That an object has exactly one of some fields."""

    what: str
    """The object, with its article."""
    fields: tuple[str, ...]

    @property
    def rule(self) -> str:
        """What must hold, in CEL."""
        present = ", ".join(f"has(self.{name})" for name in self.fields)
        return f"[{present}].filter(x, x).size() == 1"

    @property
    def general(self) -> str:
        """The message without what the object has."""
        return f"{self.what} has exactly one of {', '.join(self.fields[:-1])} and {self.fields[-1]}"

    @property
    def cel(self) -> str:
        """The message, in CEL."""
        nothing = " && ".join(f"!has(self.{name})" for name in self.fields)
        beginning = literal(f"{self.general}; this one has ")
        present = " + ".join(
            f"(has(self.{name}) ? {literal(f' and {name}')} : '')" for name in self.fields
        )
        return f"{beginning} + ({nothing} ? 'none' : ({present}).substring(5))"

    def problem(self, given: BaseModel) -> str:
        """The message about an object; empty if it has exactly one."""
        names = {field.alias or name: name for name, field in type(given).model_fields.items()}
        present = [name for name in self.fields if getattr(given, names[name]) is not None]
        return "" if len(present) == 1 else self.message(present)

    def message(self, present: Sequence[str]) -> str:
        """The message about an object that has these of the fields."""
        return f"{self.general}; this one has {' and '.join(present) or 'none'}"


NODE = ExactlyOne(
    "a node",
    ("action", "condition", "approval", "delay", "workflow", "transform", "wait", "fail"),
)
WAIT = ExactlyOne("a wait", ("until", "signal"))
TEMPLATE = ExactlyOne("a template", ("action", "workflow"))
VALUE_FROM = ExactlyOne("valueFrom", ("secretKeyRef", "configMapKeyRef", "fieldRef"))
ENV_FROM = ExactlyOne("an entry of envFrom", ("configMapRef", "secretRef"))
VOLUME = ExactlyOne("a volume", ("emptyDir", "configMap", "secret", "persistentVolumeClaim"))

NODES_EXAMPLE = "write `nodes: [{name: NODE, action: NAME}]`"
NO_NODES = f"is required; {NODES_EXAMPLE}"
_BOOLEAN_NAME = "' cannot be a name: YAML reads it as a boolean; choose another"

_NOT_ZERO = "' must be longer than zero, such as 30s"
ZERO_PATTERN = r"^(0+(\.0+)?(ms|s|m|h))+$"
_WHOLE_SECONDS = "the timeout of an action must be in whole seconds, not '"
_OWN_EDGE = ("leads from '", "' to itself; to run a node again use repeat or retry")


def not_zero(duration: str) -> str:
    """The message about a duration of zero."""
    return f"'{duration}{_NOT_ZERO}"


def not_zero_in_cel(duration: str) -> str:
    """The same in CEL; `duration` is an expression."""
    return f'"\'" + {duration} + "{_NOT_ZERO}"'


def whole_seconds(duration: str) -> str:
    """The message about the timeout of an action."""
    return f"{_WHOLE_SECONDS}{duration}'"


def whole_seconds_in_cel(duration: str) -> str:
    """The same in CEL; `duration` is an expression."""
    return f'"{_WHOLE_SECONDS}" + {duration} + "\'"'


def own_edge(node: str) -> str:
    """The message about an edge from a node to itself."""
    return node.join(_OWN_EDGE)


def own_edge_in_cel(node: str) -> str:
    """The same in CEL; `node` is an expression."""
    return " + ".join([f'"{_OWN_EDGE[0]}"', node, f'"{_OWN_EDGE[1]}"'])


def boolean_name(name: str) -> str:
    """The message about a name such as `on`."""
    return f"'{name}{_BOOLEAN_NAME}"


def boolean_name_in_cel(name: str) -> str:
    """The same in CEL; `name` is an expression."""
    return f'"\'" + {name} + "{_BOOLEAN_NAME}"'


def unknown_node(name: str, nodes: Sequence[str]) -> str:
    """The message about a node that does not exist; lists the nodes of a small workflow."""
    few = 0 < len(nodes) <= MAX_LISTED
    return f"there is no node '{name}'" + (f"; the nodes are {', '.join(nodes)}" if few else "")


def unknown_node_in_cel(name: str) -> str:
    """The same in CEL, for a rule of a WorkflowSpec; `name` is an expression.

    `format` costs the same whatever the length of its arguments, which is not known here.
    """
    first, *others = (f"self.nodes[{index}].name" for index in range(MAX_LISTED))
    more = "".join(
        f" + (self.nodes.size() > {index} ? ', ' + {other} : '')"
        for index, other in enumerate(others, 1)
    )
    listed = f"(self.nodes.size() > {MAX_LISTED} ? '' : '; the nodes are ' + {first}{more})"
    return f"\"there is no node '%s'%s\".format([{name}, {listed}])"
