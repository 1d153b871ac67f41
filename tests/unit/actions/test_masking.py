"""The values of secrets stand nowhere in what an action writes, however they are encoded."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.actions.main import run
from orchestrator.actions.masking import MIN_LENGTH, mask_value, masker, secrets_of

SECRET = "pa$$ wörd/+?%&=~"
PEM = """-----BEGIN KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEF
AASCBKcwggSjAgEAAoIBAQC7VJTU
-----END KEY-----
"""
secrets = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=MIN_LENGTH, max_size=40
).filter(lambda text: len(text.strip()) >= MIN_LENGTH and "*" not in text)


@given(secrets, st.text(max_size=8), st.text(max_size=8))
def test_a_secret_is_masked_in_every_encoding(secret: str, before: str, after: str) -> None:
    mask = masker([secret])
    raw = secret.encode()
    standard, url_safe = base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()
    for form in (
        secret,
        secret.strip(),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        standard,
        url_safe,
        standard.rstrip("="),
        url_safe.rstrip("="),
    ):
        if len(form) >= 8 or form == secret:
            assert form not in mask(f"{before}{form}{after}")


@given(
    secrets.filter(lambda text: len(text.encode()) >= 9),
    st.binary(max_size=7),
    st.binary(max_size=7),
)
def test_a_secret_is_masked_inside_longer_base64(secret: str, before: bytes, after: bytes) -> None:
    whole = base64.b64encode(before + secret.encode() + after).decode()
    masked = masker([secret])(whole)
    assert "***" in masked
    rest = masked.replace("***", "")
    assert len(rest) <= len(whole) - len(secret.encode())


@pytest.mark.parametrize("short", ["", "a", "no", "yes", " \n "])
def test_a_value_that_is_part_of_ordinary_words_is_left_alone(short: str) -> None:
    assert masker([short])("yes and no, nobody") == "yes and no, nobody"


def test_each_line_of_a_longer_value_is_masked() -> None:
    mask = masker([PEM])
    assert mask(PEM) == "***"
    for line in PEM.splitlines():
        assert mask(f"> {line}\n") == "> ***\n"
    assert mask_value({PEM: [PEM, {"a": PEM}, 1, None]}, mask) == {
        "***": ["***", {"a": "***"}, 1, None]
    }


def test_what_is_in_params_is_no_secret() -> None:
    environ = {"PARAMS": '{"text": "hello"}', "PARAM_TEXT": "hello", "PARAM_TOKEN": "s3cret"}
    assert secrets_of(environ) == ["s3cret"]
    assert secrets_of({"PARAM_TOKEN": "s3cret", "PARAMS_DIR": "/automation/items"}) == ["s3cret"]


@pytest.mark.parametrize("failing", [False, True])
def test_a_script_shows_its_secret_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], failing: bool
) -> None:
    script = """
import base64, json, os, sys, urllib.parse
secret = os.environ["SECRET"]
for text in (secret, urllib.parse.quote(secret), base64.b64encode(secret.encode()).decode(),
             base64.b64encode(b"user:" + secret.encode()).decode()):
    print("out", text)
    print("err", text, file=sys.stderr)
json.dump({"found": secret, secret: [secret]}, open(os.environ["RESULT"], "w"))
sys.exit(FAILING)
""".replace("FAILING", "repr(secret)" if failing else "0")
    outputs = tmp_path / "outputs"
    environ = {
        "PARAMS": json.dumps({"script": script, "interpreter": "python3"}),
        "PARAM_SECRET": SECRET,
        "OUTPUTS": str(outputs),
        "PATH": "/usr/bin:/bin",
    }
    code = run("run-script", environ)
    written = capfd.readouterr()
    everything = outputs.read_text() + written.out + written.err
    assert code == (1 if failing else 0), everything
    for form in (SECRET, quote(SECRET), base64.b64encode(SECRET.encode()).decode()):
        assert form not in everything
    assert base64.b64encode(b"user:" + SECRET.encode()).decode()[8:-4] not in everything
    assert "out ***" in written.out
    assert "err ***" in written.err
    if not failing:
        assert json.loads(outputs.read_text())["result"] == {"found": "***", "***": ["***"]}


def test_an_unexpected_error_shows_no_secret(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    environ = {
        "PARAMS": json.dumps({"method": "GET", "url": "http://127.0.0.1:1/?x=s3cret-value"}),
        "PARAM_TOKEN": "s3cret-value",
        "OUTPUTS": str(tmp_path / "outputs"),
    }
    assert run("http-request", environ) != 0
    written = capfd.readouterr()
    assert "s3cret-value" not in (tmp_path / "outputs").read_text() + written.out + written.err
