"""What the product is made of: a bill of materials (CycloneDX 1.6, JSON) of the locked packages it runs with.

Packages of the lock that only development needs are left out. Versions and hashes are those of the lock; licences and
who needs whom are what the installed packages say of themselves. For the platform it is run on.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(.*?)(?=^[A-Za-z0-9]|\Z)", re.MULTILINE | re.DOTALL)

Locked = Mapping[str, tuple[str, list[str]]]  # name → version, sha256 of its files
Extras = frozenset[str]


def locked() -> Locked:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {
        canonicalize_name(name): (version, re.findall(r"sha256:([0-9a-f]{64})", rest))
        for name, version, rest in _LOCKED.findall(lock)
    }


def asked() -> list[Requirement]:
    """What the product asks for itself, with all its extras but that of development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = (lines for name, lines in project["optional-dependencies"].items() if name != "dev")
    return [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]


def needed() -> dict[str, set[str]]:
    """Every package the product runs with, and the packages it needs itself."""
    needs: dict[str, set[str]] = {}
    seen: set[tuple[str, Extras]] = set()
    waiting = [(canonicalize_name(one.name), frozenset(one.extras)) for one in asked() if _applies(one, frozenset())]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for one in _required(name, extras):
            needs.setdefault(name, set()).add(canonicalize_name(one.name))
            waiting.append((canonicalize_name(one.name), frozenset(one.extras)))
        needs.setdefault(name, set())
    return needs


def _required(name: str, extras: Extras) -> Iterator[Requirement]:
    for line in _installed(name).requires or ():
        requirement = Requirement(line)
        if _applies(requirement, extras):
            yield requirement


def _applies(requirement: Requirement, extras: Extras) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""}) | {""})


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        sys.exit(f"{name} is not installed here; run `make install` first")


def licence(name: str) -> str:
    """What a package says of its licence: an expression of SPDX, else its classifiers, else its own words."""
    said = _installed(name).metadata
    classes = [line.split(" :: ")[-1] for line in said.get_all("Classifier") or () if line.startswith("License ::")]
    words = (said.get("License") or "").strip().splitlines()
    return said.get("License-Expression") or " OR ".join(classes) or (words[0][:80] if words else "")


def bill() -> Bom:
    known, needs, licences = locked(), needed(), LicenseFactory()
    made = {
        name: Component(
            name=name,
            version=known[name][0],
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", name=name, version=known[name][0]),
            bom_ref=f"{name}=={known[name][0]}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in known[name][1]],
            licenses=[licences.make_from_string(said)] if (said := licence(name)) else [],
        )
        for name in sorted(needs)
    }
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    product = Component(
        name="cews",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=f"cews=={version}",
        licenses=[licences.make_from_string("Apache-2.0")],
    )
    contents = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    bom = Bom(components=made.values(), serial_number=uuid5(NAMESPACE_URL, contents))
    bom.metadata.component = product
    bom.register_dependency(product, [made[canonicalize_name(one.name)] for one in asked()])
    for name, component in made.items():
        bom.register_dependency(component, [made[other] for other in sorted(needs[name])])
    return bom


if __name__ == "__main__":
    outputter = make_outputter(bill(), OutputFormat.JSON, SchemaVersion.V1_6)
    sys.stdout.write(outputter.output_as_string(indent=2) + "\n")
