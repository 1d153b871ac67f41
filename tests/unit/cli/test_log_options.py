"""Where logs are kept, by the options of the recorder and the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.log_options import bucket_of
from orchestrator.session.errors import UsageError


@pytest.mark.parametrize("place", ["database", "off"])
def test_a_database_and_none_need_no_bucket(place: str) -> None:
    assert bucket_of(place, "", "us-east-1", None, None) is None


def test_a_bucket_is_made_from_a_url_and_files(tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (tmp_path / name).write_text("key\n")
    address = "https://s3.example.com"
    assert bucket_of("s3://logs/production", address, "eu-west-1", None, tmp_path) is not None


@pytest.mark.parametrize(
    ("place", "endpoint", "region", "said"),
    [
        ("disk", "", "r", "--logs must be database, s3://BUCKET/PREFIX or off, not 'disk'"),
        ("database", "https://s3.example.com", "r", "need --logs s3://…"),
        ("s3://logs", "s3.example.com", "r", "--logs-endpoint must be http"),
        ("s3://logs", "", "EU West", "--logs-region must be"),
        ("s3://", "", "r", "--logs: must be s3://BUCKET"),
    ],
)
def test_what_is_wrong_is_named(place: str, endpoint: str, region: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        bucket_of(place, endpoint, region, None, None)
