from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy
import pytest

from ailab.plugins import hookimpl
from ailab_server import hookspecs
from ailab_server.config import ServerConfig
from ailab_server.hooks import server_manager
from ailab_server.scheduler.local import LocalExecutor


def test_importing_the_hooks_imports_no_web_framework() -> None:
    code = "import sys, ailab_server.hooks; print([m for m in ('fastapi', 'uvicorn', 'starlette') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_our_executor_and_page_are_plugins_that_others_come_before(
    make_config: Callable[..., ServerConfig], tmp_path: Path
) -> None:
    manager = server_manager()
    ours = manager.hook.ailab_executor(config=make_config(state_dir=str(tmp_path)))
    assert isinstance(ours, LocalExecutor)
    ours.close()
    assert manager.hook.ailab_ui_folder().name == "static"

    class Plugin:
        @hookimpl
        def ailab_executor(self, config: ServerConfig) -> str:
            return "theirs"

        @hookimpl
        def ailab_ui_folder(self) -> Path:
            return tmp_path

    manager.register(Plugin())
    assert manager.hook.ailab_executor(config=None) == "theirs"
    assert manager.hook.ailab_ui_folder() == tmp_path


def test_every_hook_is_documented_with_its_signature() -> None:
    readme = (Path(__file__).parents[2] / "packages/ailab-server/README.md").read_text(encoding="utf-8")
    hooks = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("ailab_")}
    told = dict(re.findall(r"^\| `(ailab_\w+)\((.*?)\)` \|", readme, re.MULTILINE))
    assert told == {name: ", ".join(inspect.signature(hook).parameters) for name, hook in hooks.items()}
    assert all(hook.__doc__ for hook in hooks.values())


def test_a_misspelt_hook_is_an_error() -> None:
    class Plugin:
        @hookimpl
        def ailab_execcutor(self, config: ServerConfig) -> None: ...

    manager = server_manager()
    manager.register(Plugin())
    with pytest.raises(pluggy.PluginValidationError, match="ailab_execcutor"):
        manager.check_pending()


def test_plugins_hear_of_runs_that_end(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    heard: list[tuple[str, str]] = []

    class Broken:
        @hookimpl
        def ailab_run_state_changed(self, run: Any) -> None:
            heard.append((run.id, run.state))
            raise RuntimeError("a plugin's bug")

    manager = server_manager()
    manager.register(Broken())
    run = new_run()
    app = start_app(manager=manager)
    id = eventually(lambda: app.client.get("/runs").json()["runs"])[0]["id"]
    run.end("finished")
    eventually(lambda: heard == [(id, "finished")])
    assert app.client.get(f"/runs/{id}").json()["summary"]["state"] == "finished"
