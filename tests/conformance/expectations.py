"""What is known beforehand: specs that are not run, and specs that cannot pass here, each with its reason (expected.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("expected.toml")
SINGLE_UID, ALL_UIDS = "single-uid", "all-uids"
MODES = (ALL_UIDS, SINGLE_UID)


@dataclass(frozen=True)
class Rule:
    """match: parts of spec names. modes: where it holds."""

    reason: str
    match: tuple[str, ...]
    modes: tuple[str, ...] = MODES


@dataclass(frozen=True)
class Expectations:
    """skip: not run. fail: run, and expected to fail."""

    skip: tuple[Rule, ...]
    fail: tuple[Rule, ...]

    @classmethod
    def load(cls, mode: str, path: Path = FILE) -> Expectations:
        """The rules that hold in this mode. Raises ValueError for a rule without a reason or with a mode nobody knows."""
        raw = tomllib.loads(path.read_text())
        return cls(*(tuple(rule for rule in map(_rule, raw.get(kind, [])) if mode in rule.modes) for kind in ("skip", "fail")))

    def skipped(self, name: str) -> str | None:
        """Why a spec is not run; None if it is."""
        return _find(self.skip, name)

    def failing(self, name: str) -> str | None:
        """Why a spec cannot pass; None if it should."""
        return _find(self.fail, name)

    def idle(self, names: Sequence[str]) -> list[str]:
        """The parts that no spec's name has: left over from another version of Kubernetes, or misspelt."""
        parts = [part for rule in (*self.skip, *self.fail) for part in rule.match]
        return [part for part in parts if not any(part in name for name in names)]


def _rule(raw: dict[str, object]) -> Rule:
    rule = Rule(str(raw.get("reason", "")), tuple(raw["match"]), tuple(raw.get("modes", MODES)))  # type: ignore[arg-type]
    if not rule.reason or not rule.match or not set(rule.modes) <= set(MODES):
        raise ValueError(f"{FILE.name}: a rule needs a reason, what it matches, and modes out of {', '.join(MODES)}: {raw}")
    return rule


def _find(rules: Sequence[Rule], name: str) -> str | None:
    return next((rule.reason for rule in rules if any(part in name for part in rule.match)), None)
