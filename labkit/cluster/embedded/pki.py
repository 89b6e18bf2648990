"""The cluster's public-key infrastructure: three certificate authorities and a certificate for each component.

Follows "PKI certificates and requirements" of the Kubernetes documentation
(https://kubernetes.io/docs/setup/best-practices/certificates/), with ECDSA P-256 keys.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labkit.cluster.embedded import layout

_CLIENT, _SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
_LIFETIME = datetime.timedelta(days=3650)
_BACKDATED = datetime.timedelta(days=365)


@dataclass(frozen=True)
class _Leaf:
    file: str
    authority: str
    common_name: str
    organization: str = ""
    names: Sequence[str] = ()
    addresses: Sequence[str] = ()
    usage: Sequence[x509.ObjectIdentifier] = (_CLIENT,)


_API_NAMES = [f"kubernetes{suffix}" for suffix in ("", ".default", ".default.svc", ".default.svc.cluster.local")]


def _on_loopback(file: str, common_name: str) -> _Leaf:
    return _Leaf(file, "ca", common_name, names=["localhost"], addresses=["127.0.0.1"], usage=[_SERVER])


_LEAVES = [
    _Leaf(
        "apiserver",
        "ca",
        "kube-apiserver",
        names=[*_API_NAMES, "localhost", layout.NODE_NAME],
        addresses=["127.0.0.1", layout.NODE_IP, layout.API_SERVICE_IP],
        usage=[_SERVER],
    ),
    _Leaf("apiserver-kubelet-client", "ca", "kube-apiserver-kubelet-client"),
    _Leaf("apiserver-etcd-client", "etcd-ca", "kube-apiserver-etcd-client"),
    _Leaf("etcd", "etcd-ca", "etcd", names=["localhost"], addresses=["127.0.0.1"], usage=[_SERVER, _CLIENT]),
    _Leaf("front-proxy-client", "front-proxy-ca", "front-proxy-client"),
    _Leaf("admin", "ca", "kubernetes-admin", "system:masters"),
    _Leaf("kube-controller-manager", "ca", "system:kube-controller-manager"),
    _on_loopback("kube-controller-manager-server", "kube-controller-manager"),
    _Leaf("kube-scheduler", "ca", "system:kube-scheduler"),
    _on_loopback("kube-scheduler-server", "kube-scheduler"),
    _Leaf("kube-proxy", "ca", "system:kube-proxy"),
    _Leaf("coredns", "ca", "system:coredns"),
    _Leaf("kubelet", "ca", f"system:node:{layout.NODE_NAME}", "system:nodes"),
    _Leaf(
        "kubelet-server",
        "ca",
        f"system:node:{layout.NODE_NAME}",
        "system:nodes",
        names=[layout.NODE_NAME],
        addresses=[layout.NODE_IP, "127.0.0.1"],
        usage=[_SERVER],
    ),
]


def create(folder: Path) -> None:
    """Make every key (mode 0600) and certificate in `folder`, which must not exist yet. All of them or none."""
    aside = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    authorities = {name: _authority(aside, name) for name in ("ca", "front-proxy-ca", "etcd-ca")}
    for leaf in _LEAVES:
        _leaf(aside, leaf, *authorities[leaf.authority])
    service_accounts = _new_key(aside / "service-accounts.key")
    public = service_accounts.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (aside / "service-accounts.pub").write_bytes(public)
    aside.rename(folder)


def _authority(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = _new_key(folder / f"{name}.key")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"labkit-{name}")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder / f"{name}.crt", certificate)
    return certificate, key


def _leaf(folder: Path, leaf: _Leaf, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey) -> None:
    key = _new_key(folder / f"{leaf.file}.key")
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)]
    if leaf.organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, leaf.organization))
    builder = (
        _builder(x509.Name(attributes), issuer.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(list(leaf.usage)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in leaf.names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in leaf.addresses]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    _write(folder / f"{leaf.file}.crt", builder.sign(issuer_key, hashes.SHA256()))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
    )


def _new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return key


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
