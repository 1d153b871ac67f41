"""Keys, certificates, tokens and kubeconfigs of one instance.

Users are tokens in a file; the roles they need come with Kubernetes (system:node,
system:kube-controller-manager and so on), so no role is of our making.
"""

import base64
import datetime
import ipaddress
import json
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NODE = "worker"

# File name: user, groups.
_USERS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
}
_SERVER_NAMES = (
    "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)  # fmt: skip
_LIFETIME = datetime.timedelta(days=3650)

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def write_credentials(folder: Path, addresses: list[str], *, server: str, inner: str) -> None:
    """Write everything that the components and people need to trust each other.

    `addresses` are the API server's; `server` is its URL for programs on the host, `inner` the one
    for those in the instance's network namespace. Files are readable by their owner only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("itechsmart-development", ca_key, None, ca_key)
    _write(folder / "ca.crt", _pem(ca))
    _write(folder / "ca.key", _private(ca_key))
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in _SERVER_NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    for file, common, organization, alternatives in (
        ("apiserver", "kube-apiserver", None, names),
        ("kubelet-client", "kube-apiserver", "system:masters", []),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(common, key, ca, ca_key, organization, alternatives)
        _write(folder / f"{file}.crt", _pem(certificate))
        _write(folder / f"{file}.key", _private(key))
    _write(folder / "service-accounts.key", _private(rsa.generate_private_key(65537, 2048)))
    tokens = {file: secrets.token_hex(24) for file in _USERS}
    lines = [f'{tokens[f]},{user},{user},"{groups}"' for f, (user, groups) in _USERS.items()]
    _write(folder / "tokens.csv", "\n".join(lines).encode())
    authority = _pem(ca).decode()
    for file, token in tokens.items():
        _write(folder / f"{file}.kubeconfig", _kubeconfig(server, authority, token))
        _write(folder / f"{file}.inner.kubeconfig", _kubeconfig(inner, authority, token))


def _certificate(
    common: str,
    key: _Key,
    issuer: x509.Certificate | None,
    signer: ec.EllipticCurvePrivateKey,
    organization: str | None = None,
    names: list[x509.GeneralName] | None = None,
) -> x509.Certificate:
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(issuer.subject if issuer else x509.Name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        # Python's TLS is strict from 3.13 on: it wants both key identifiers and the CA's usage.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(_usage(authority=issuer is None), critical=True)
    )
    if issuer is not None:
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=authority, crl_sign=authority,
        content_commitment=False, key_encipherment=not authority, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _kubeconfig(server: str, authority: str, token: str) -> bytes:
    """JSON is YAML, so kubectl and every client read it."""
    data = base64.b64encode(authority.encode()).decode()
    cluster = {"server": server, "certificate-authority-data": data}
    name = "itechsmart-development"
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }  # fmt: skip
    return json.dumps(config, indent=1).encode()
