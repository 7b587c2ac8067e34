"""Serving the page.

Only the files that lay in its folder when the server started, looked up by name in a table.
"""

import mimetypes
import os
from pathlib import Path

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ailab_server.errors import problem
from ailab_server.security.headers import PAGE_POLICY

__all__ = ["Site", "site_files"]

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".map": "application/json",
}


def site_files(folder: Path | None) -> dict[str, Path]:
    """URL path → file for everything in ``folder``; ``/`` is its ``index.html``. Links are left out."""
    files: dict[str, Path] = {}
    if folder is None or not folder.is_dir():
        return files
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent, name)
            if file.is_file() and not file.is_symlink():
                files["/" + file.relative_to(folder).as_posix()] = file
    if "/index.html" in files:
        files["/"] = files["/index.html"]
    return files


class Site:
    """Answers GET and HEAD of the page's files without a token; everything else goes on to ``app``."""

    def __init__(self, app: ASGIApp, folder: Path | None) -> None:
        self.app = app
        self._files = site_files(folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        file = self._files.get(path)
        if file is not None:
            await self._answer(path, file)(scope, receive, send)
        elif path == "/":
            detail = "the page is not installed here: pip install ailab-ui, and start the server again"
            await problem(404, detail)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _answer(self, path: str, file: Path) -> Response:
        try:
            body = file.read_bytes()
        except OSError:
            return problem(404, "this file of the page is gone: start the server again")
        kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        # The build puts a hash of the content into the names below /assets/.
        cache = "public, max-age=31536000, immutable" if path.startswith("/assets/") else "no-cache"
        headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": cache, "Content-Type": kind}
        return Response(body, headers=headers)
