"""Signatures are those of the examples that AWS publishes."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.triggers.s3.signing import AccessKey, signed_get


def test_a_listing_is_signed_as_in_the_documentation_of_s3() -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Get Bucket
    # (List Objects)".
    key = AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    target, headers = signed_get(
        key,
        host="examplebucket.s3.amazonaws.com",
        path="/",
        query={"prefix": "J", "max-keys": "2"},
        region="us-east-1",
        now=datetime(2013, 5, 24, tzinfo=UTC).timestamp(),
    )
    assert target == "/?max-keys=2&prefix=J"
    assert headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


def test_a_request_is_signed_as_in_the_test_suite_of_the_signature() -> None:
    # https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html, get-vanilla.
    key = AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    _, headers = signed_get(
        key,
        host="example.amazonaws.com",
        path="/",
        query={},
        region="us-east-1",
        service="service",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp(),
    )
    assert headers["authorization"].endswith(
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )
