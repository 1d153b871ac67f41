"""Kubernetes users who authenticate with client certificates signed by the cluster's CA."""

from __future__ import annotations

import base64
import datetime
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def user_kubeconfig(admin: Path, folder: Path, user: str, *groups: str) -> Path:
    """The kubeconfig of a user in these groups; `admin` is that of the administrator."""
    keys = admin.parent
    authority = x509.load_pem_x509_certificate((keys / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((keys / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=2))
        .sign(signer, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    config = yaml.safe_load(admin.read_text())
    public = certificate.public_bytes(serialization.Encoding.PEM)
    config["users"][0]["user"] = {
        "client-certificate-data": base64.b64encode(public).decode(),
        "client-key-data": base64.b64encode(secret).decode(),
    }
    path = folder / f"{user}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
