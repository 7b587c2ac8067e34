from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.plugins import hookimpl
from ailab_server.hooks import server_manager

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>canary page</title>")
    (folder / "assets" / "index-abc.js").write_text("1")
    (tmp_path / "secret.txt").write_text("canary secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def page(site: Path, start_app: Callable[..., Any]) -> Any:
    class Plugin:
        @hookimpl
        def ailab_ui_folder(self) -> Path:
            return site

    manager = server_manager()
    manager.register(Plugin())
    return start_app(manager=manager).stranger


def test_the_page_needs_no_token_and_has_its_policy(page: Any) -> None:
    for path in ("//", "//index.html"):
        answer = page.get(path)
        assert answer.status_code == 200
        assert "canary page" in answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"] == PAGE_POLICY
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_assets_are_kept_by_browsers(page: Any) -> None:
    answer = page.get("//assets/index-abc.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["//../secret.txt", "//..%2fsecret.txt", "//assets/../../secret.txt", "//assets/%2e%2e/%2e%2e/secret.txt",
     "//%2e%2e/secret.txt", "//..%5csecret.txt", "//index.html%00", "//link.txt", "//assets", "//assets/",
     "//%252e%252e/secret.txt", "///etc/passwd", "//" + "a" * 5000],
)  # fmt: skip
def test_nothing_but_the_files_of_the_page_is_public(page: Any, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 401
    assert "canary" not in answer.text


def test_other_methods_need_a_token(page: Any) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert page.request(method, "//index.html").status_code == 401


def test_without_the_page_the_root_says_what_to_install(start_app: Callable[..., Any], tmp_path: Path) -> None:
    class Plugin:
        @hookimpl
        def ailab_ui_folder(self) -> Path:
            return tmp_path / "nothing"

    manager = server_manager()
    manager.register(Plugin())
    answer = start_app(manager=manager).stranger.get("//")
    assert answer.status_code == 404
    assert "pip install ailab-ui" in answer.json()["detail"]
