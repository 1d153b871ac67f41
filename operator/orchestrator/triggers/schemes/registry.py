"""The schemes. A new scheme is a file in this package and a line below.

The settings of a trigger type that is verified by schemes have one field for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, Field, create_model

from orchestrator.models.base import Model
from orchestrator.models.exactly_one import ExactlyOne
from orchestrator.models.rules import exactly_one
from orchestrator.triggers.schemes.basic import BASIC
from orchestrator.triggers.schemes.bearer import BEARER
from orchestrator.triggers.schemes.github import GITHUB
from orchestrator.triggers.schemes.gitlab import GITLAB
from orchestrator.triggers.schemes.hmac_signature import HMAC
from orchestrator.triggers.schemes.mutual_tls import MUTUAL_TLS
from orchestrator.triggers.schemes.pager_duty import PAGER_DUTY
from orchestrator.triggers.schemes.scheme import Scheme
from orchestrator.triggers.schemes.slack import SLACK
from orchestrator.triggers.schemes.standard_webhooks import STANDARD_WEBHOOKS
from orchestrator.triggers.schemes.stripe import STRIPE
from orchestrator.triggers.sources import (
    HttpRequest,
    HttpResponse,
    S,
    SecretKey,
    Sending,
    not_verified,
)
from orchestrator.validation.problem import Problem

VENDORS: tuple[Scheme[Any], ...] = (GITHUB, GITLAB, SLACK, PAGER_DUTY, STRIPE)
"""Schemes of services."""
GENERAL: tuple[Scheme[Any], ...] = (STANDARD_WEBHOOKS, HMAC, BEARER, BASIC, MUTUAL_TLS)
"""Schemes of any sender."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """The schemes of a trigger type: its settings have exactly one of their fields."""

    what: str
    """The settings, with their article, in messages."""
    schemes: tuple[Scheme[Any], ...]

    def model(self, base: type[S]) -> type[S]:
        """The model of settings with one field a scheme, in addition to those of `base`."""
        rule = exactly_one(self._exactly_one)

        class Ruled(base):  # type: ignore[valid-type, misc]
            model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [rule]})

        fields: dict[str, Any] = {
            each.key: (each.settings | None, Field(None, alias=each.key, description=each.verifies))
            for each in self.schemes
        }
        return create_model(base.__name__, __base__=Ruled, __doc__=base.__doc__, **fields)

    def problems(self, path: str, settings: Model) -> Iterator[Problem]:
        """That settings have no scheme, or several."""
        given = [each.key for each in self.schemes if getattr(settings, each.key) is not None]
        if len(given) != 1:
            yield Problem(path, self._exactly_one.message(given))

    def secrets(self, settings: Model) -> Sequence[SecretKey]:
        """The keys of Secrets that verification needs."""
        scheme, own = self.scheme_of(settings)
        return [SecretKey(each.name, each.key) for each in scheme.secrets(own)]

    def refusal(
        self, settings: Model, request: HttpRequest, secrets: Sequence[bytes]
    ) -> HttpResponse | None:
        """The refusal of a request that is not verified; None if it is."""
        scheme, own = self.scheme_of(settings)
        problem = scheme.verify(own, request, secrets)
        return not_verified(problem) if problem else None

    def sign(self, settings: Model, sending: Sending, secret: bytes) -> Mapping[str, str]:
        """The headers with which a sender signs a request. Raises ValueError for a secret that the
        scheme cannot use."""
        scheme, own = self.scheme_of(settings)
        return scheme.sign(own, sending, secret)

    def scheme_of(self, settings: Model) -> tuple[Scheme[Any], Any]:
        """The scheme of valid settings, and the settings of that scheme."""
        for each in self.schemes:
            if (own := getattr(settings, each.key)) is not None:
                return each, own
        raise ValueError("the settings have no scheme")

    @property
    def _exactly_one(self) -> ExactlyOne:
        return ExactlyOne(self.what, tuple(each.key for each in self.schemes))
