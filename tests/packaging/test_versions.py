"""What is published together carries one version, and the extras name exactly that."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

PACKAGES = ("ailab-core", "ailab-keras", "ailab-torch", "ailab-server", "ailab-ui")


@pytest.fixture
def root(request: pytest.FixtureRequest) -> Path:
    return request.config.rootpath


def project(path: Path) -> dict[str, object]:
    content: dict[str, object] = tomllib.loads((path / "pyproject.toml").read_text())["project"]
    return content


def test_one_version(root: Path) -> None:
    import ailab

    versions = {name: project(root / "packages" / name)["version"] for name in PACKAGES}
    assert set(versions.values()) == {project(root)["version"], ailab.__version__}
    assert re.fullmatch(r"20\d\d[01]\d[0-3]\d", ailab.__version__)


def test_our_packages_ask_for_each_other_at_that_version(root: Path) -> None:
    version = project(root)["version"]
    wanted = []
    for path in (root, *(root / "packages" / name for name in PACKAGES)):
        content = project(path)
        extras = content.get("optional-dependencies", {})
        assert isinstance(extras, dict)
        for requirement in [*content["dependencies"], *(r for extra in extras.values() for r in extra)]:  # type: ignore[misc]
            if requirement.startswith("ailab"):
                wanted.append(requirement)
                assert requirement.endswith(f"=={version}"), (path, requirement)
    assert wanted


def test_every_package_is_in_the_extras(root: Path) -> None:
    extras = project(root)["optional-dependencies"]
    assert isinstance(extras, dict)
    named = {requirement.split("==")[0] for requirement in extras["all"]}
    assert named == set(PACKAGES) - {"ailab-core"}
