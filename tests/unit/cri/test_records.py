from __future__ import annotations

from pathlib import Path

import pytest

from labkit.cluster.embedded.cri.addresses import Addresses
from labkit.cluster.embedded.cri.errors import ExhaustedError
from labkit.cluster.embedded.cri.records import ContainerRecord, Records


def test_records_are_found_again(tmp_path: Path) -> None:
    records = Records(tmp_path / "containers", ContainerRecord)
    record = ContainerRecord("c1", "s1", "nginx", "sha256:0", 5)
    records.add(record, b"config")
    record.state, record.pid = "running", 42
    records.save(record)
    assert list(Records(tmp_path / "containers", ContainerRecord).load()) == [(record, b"config")]


def test_what_is_half_written_is_cleared_away(tmp_path: Path) -> None:
    records = Records(tmp_path, ContainerRecord)
    records.add(ContainerRecord("whole", "s", "i", "d", 1), b"")
    records.path("half").mkdir()
    (records.path("half") / "config.pb").write_bytes(b"")
    records.path("broken").mkdir()
    (records.path("broken") / "record.json").write_text("{")
    assert [record.id for record, _ in records.load()] == ["whole"]
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_removed_record_is_gone(tmp_path: Path) -> None:
    records = Records(tmp_path, ContainerRecord)
    records.add(ContainerRecord("c", "s", "i", "d", 1), b"")
    records.remove("c")
    records.remove("c")
    assert list(records.load()) == []


def test_addresses_are_handed_out_in_turn() -> None:
    addresses = Addresses("10.244.0.0/29")
    assert addresses.node == "10.244.0.1"
    taken = [addresses.take() for _ in range(5)]
    assert taken == [f"10.244.0.{n}" for n in (2, 3, 4, 5, 6)]
    with pytest.raises(ExhaustedError):
        addresses.take()
    addresses.release("10.244.0.4")
    assert addresses.take() == "10.244.0.4"


def test_claimed_addresses_are_not_given_twice() -> None:
    addresses = Addresses("10.244.0.0/29")
    addresses.claim("10.244.0.3")
    assert [addresses.take() for _ in range(4)] == ["10.244.0.4", "10.244.0.5", "10.244.0.6", "10.244.0.2"]
