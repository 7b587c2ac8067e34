from __future__ import annotations

import socket
from pathlib import Path
from typing import Any


def test_system(app: Any, workspace: Path) -> None:
    system = app.client.get("/system").json()
    assert system["name"] == socket.gethostname()
    assert system["workspace"] == str(workspace)
    assert system["workspace_available"] is True
    assert system["user"] == "ada"
    assert system["gpus"] == [
        {"id": 0, "task": None, "task_name": None, "run": None, "others": 0, "foreign": False},
        {"id": 1, "task": None, "task_name": None, "run": None, "others": 0, "foreign": False},
    ]
    assert set(system) == {"name", "version", "workspace", "workspace_available", "user", "role", "gpus"}
