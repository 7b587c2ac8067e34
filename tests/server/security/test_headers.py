from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("who", "path", "headers"),
    [
        ("client", "/system", {}),
        ("client", "/runs", {}),
        ("client", "/nothing", {}),
        ("stranger", "/system", {}),
        ("client", "/system", {"Host": "evil.example"}),
        ("client", "/system", {"Origin": "https://evil.example"}),
    ],
)
def test_every_answer_of_the_api_is_guarded(app: Any, who: str, path: str, headers: dict[str, str]) -> None:
    answer = getattr(app, who).get(path, headers=headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; sandbox")
    assert "frame-ancestors 'none'" in policy
    assert "server" not in answer.headers
