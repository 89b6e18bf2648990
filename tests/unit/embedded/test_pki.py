from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from labkit.cluster.embedded import layout, pki


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("state") / "pki"
    pki.create(made)
    return made


def read(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


AUTHORITIES = {"etcd": "etcd-ca", "apiserver-etcd-client": "etcd-ca", "front-proxy-client": "front-proxy-ca"}


def test_each_certificate_is_signed_by_its_own_authority(folder: Path) -> None:
    leaves = [path.stem for path in folder.glob("*.crt") if not path.stem.endswith("ca")]
    assert len(leaves) == 14
    for leaf in leaves:
        authority = AUTHORITIES.get(leaf, "ca")
        read(folder, leaf).verify_directly_issued_by(read(folder, authority))
        other = "etcd-ca" if authority != "etcd-ca" else "ca"
        with pytest.raises(ValueError, match="issuer"):
            read(folder, leaf).verify_directly_issued_by(read(folder, other))


def test_keys_belong_to_certificates_and_are_private(folder: Path) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    for path in folder.glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600
        key = load_pem_private_key(path.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        if path.stem != "service-accounts":
            assert key.public_key() == read(folder, path.stem).public_key()


def test_the_api_server_is_known_by_every_address_it_is_reached_at(folder: Path) -> None:
    names = read(folder, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    for address in ("127.0.0.1", layout.NODE_IP, layout.API_SERVICE_IP):
        assert ipaddress.ip_address(address) in addresses
    assert "kubernetes.default.svc.cluster.local" in names.get_values_for_type(x509.DNSName)


def test_only_the_administrator_is_in_the_masters_group(folder: Path) -> None:
    members = {
        path.stem
        for path in folder.glob("*.crt")
        for attribute in read(folder, path.stem).subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        if attribute.value == "system:masters"
    }
    assert members == {"admin"}


def test_certificates_outlive_a_clock_that_is_a_month_slow(folder: Path) -> None:
    import datetime

    month = datetime.timedelta(days=31)
    for path in folder.glob("*.crt"):
        certificate = read(folder, path.stem)
        assert certificate.not_valid_before_utc < datetime.datetime.now(datetime.UTC) - month


def test_an_interrupted_creation_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pki, "_leaf", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pki.create(tmp_path / "pki")
    assert not (tmp_path / "pki").exists()
    monkeypatch.undo()
    pki.create(tmp_path / "pki")
    assert (tmp_path / "pki" / "admin.crt").exists()
