from __future__ import annotations

from pathlib import Path

import pytest

from ailab_server.config import ServerConfig
from ailab_server.reference import PARTS, put_in, table

DOCS = Path(__file__).parents[2] / "docs" / "server.md"


def test_the_documented_keys_are_the_models() -> None:
    written = DOCS.read_text(encoding="utf-8")
    assert written == put_in(written), "run: python -m ailab_server.reference"


def test_every_key_says_what_it_is() -> None:
    for model in PARTS.values():
        for name, field in model.model_fields.items():
            assert field.description, name
            assert f"| `{name}` |" in table(model)
    assert set(ServerConfig.model_fields) >= {"host", "port", "users", "workspace", "auto_detect_experiments", "gpus"}


def test_a_document_without_a_place_for_them_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no place for the table 'keys'"):
        put_in("nothing")
