"""The README's snippets, run in the order in which a reader meets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def readme(request: pytest.FixtureRequest) -> str:
    return (request.config.rootpath / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def test_the_python_snippets_run_as_one_program(readme: str, tmp_path: Path) -> None:
    snippets = blocks(readme, "python")
    assert len(snippets) >= 7
    (tmp_path / "snippets.py").write_text("\n".join(snippets))
    environment = {**os.environ, "MPLBACKEND": "Agg", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "snippets.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, block = (tmp_path / "checkpoints" / "digits").iterdir()
    if not (first / "images" / "MyFigure.png").exists():
        first, block = block, first
    assert {path.name for path in (first / "images").iterdir()} >= {"MyFigure.png", "NumpyImage.png"}
    assert (first / "src" / "snippets.py").exists()
    assert (block / "tables" / "confusion@0.csv").read_text() == "cat,dog\n50,2\n3,45\n"


def test_the_config_file_is_accepted_as_it_stands(readme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ailab_server.config import ServerConfig

    monkeypatch.setenv("USER", "somebody")
    (text,) = blocks(readme, "json")
    config = ServerConfig.model_validate(json.loads(text))
    assert (config.port, config.gpus, str(config.workspace)) == (12345, [0], "/data/somebody/experiments")


def test_links_and_pictures_lead_somewhere(readme: str, request: pytest.FixtureRequest) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (request.config.rootpath / target).exists(), target
