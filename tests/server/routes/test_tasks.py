"""Tasks through the API, with real processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PYTHON = sys.executable


@pytest.fixture
def add(app: Any, tmp_path: Path) -> Callable[..., Any]:
    def queue(*command: str, **fields: Any) -> Any:
        body = {"command": list(command), "folder": str(tmp_path), "gpus": 0, **fields}
        answer = app.client.post("/tasks", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return queue


def test_a_task_from_queue_to_end(
    app: Any, add: Callable[..., Any], eventually: Callable[..., Any], tmp_path: Path
) -> None:
    task = add("sh", "-c", "echo $CUDA_VISIBLE_DEVICES; exit 4", gpus=2, name="my task")
    assert task["name"] == "my task"
    assert task["user"] == "ada"
    assert task["folder"] == str(tmp_path)

    def ended() -> Any:
        now = app.client.get(f"/tasks/{task['id']}").json()
        return now["state"] == "failed" and now

    task = eventually(ended)
    assert (task["exit_code"], task["output"], task["gpu_ids"]) == (4, "0,1\n", [0, 1])
    assert task["created"] <= task["started"] <= task["finished"]
    assert [gpu["task"] for gpu in app.client.get("/system").json()["gpus"]] == [None, None]


def test_two_gpus_three_tasks(
    app: Any, add: Callable[..., Any], eventually: Callable[..., Any], tmp_path: Path
) -> None:
    """The third waits until one ends, and gets its id."""
    wait = """if True:
        import os, time
        print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True)
        while not os.path.exists('{}'): time.sleep(.01)
    """
    first, second, third = (add(PYTHON, "-c", wait.format(name), gpus=1) for name in "abc")

    def states() -> list[str]:
        return [app.client.get(f"/tasks/{task['id']}").json()["state"] for task in (first, second, third)]

    def output(task: Any) -> str:
        return str(app.client.get(f"/tasks/{task['id']}").json()["output"])

    assert states() == ["running", "running", "queued"]
    eventually(lambda: (output(first), output(second)) == ("0\n", "1\n"))
    gpus = app.client.get("/system").json()["gpus"]
    assert [(gpu["task"], gpu["task_name"]) for gpu in gpus] == [
        (first["id"], first["name"]),
        (second["id"], second["name"]),
    ]
    assert output(third) == ""
    (tmp_path / "b").touch()
    eventually(lambda: states() == ["running", "finished", "running"])
    eventually(lambda: output(third) == "1\n")
    (tmp_path / "a").touch()
    (tmp_path / "c").touch()
    eventually(lambda: states() == ["finished"] * 3)
    assert [task["id"] for task in app.client.get("/tasks").json()["tasks"]] == [third["id"], second["id"], first["id"]]


def test_stop(app: Any, add: Callable[..., Any], eventually: Callable[..., Any]) -> None:
    running, queued = add("sleep", "1000", gpus=2), add("sleep", "1000", gpus=1)
    assert app.client.post(f"/tasks/{queued['id']}/stop").json()["state"] == "killed"
    app.client.post(f"/tasks/{running['id']}/stop", json={})
    ended = eventually(lambda: (now := app.client.get(f"/tasks/{running['id']}").json())["state"] == "killed" and now)
    assert ended["exit_code"] == -15
    assert app.client.get(f"/tasks/{queued['id']}").json()["started"] is None


def test_a_program_that_is_not_there_fails_with_the_reason(add: Callable[..., Any]) -> None:
    task = add("no-such-program")
    assert task["state"] == "failed"
    assert task["output"] == "ailab-server: there is no program 'no-such-program' on this machine\n"


def test_a_task_is_linked_to_its_run(
    app: Any,
    add: Callable[..., Any],
    eventually: Callable[..., Any],
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What core does: the run's folder is made where AILAB_WORKSPACE says and names AILAB_TASK_ID."""
    code = """if True:
        import json, os, time
        from pathlib import Path
        run = Path(os.environ["AILAB_WORKSPACE"], "digits", "run1")
        (run / "streams").mkdir(parents=True)
        (run / "new").write_text(json.dumps({"schema": 1, "task": os.environ["AILAB_TASK_ID"]}))
        (run / "new").rename(run / "run.json")
        time.sleep(1000)
    """
    task = add(PYTHON, "-c", code, gpus=1)
    pushed: list[str | None] = []
    linked = app.services.workspace.run_of_task
    monkeypatch.setattr(app.services.hub, "publish_tasks", lambda: pushed.append(linked(task["id"])))
    run = eventually(lambda: app.client.get(f"/tasks/{task['id']}").json()["run"])
    assert app.client.get(f"/runs/{run}").json()["summary"]["task"] == task["id"]
    assert app.client.get("/system").json()["gpus"][0]["run"] == run
    eventually(lambda: run in pushed)  # streams are told of the link


@pytest.mark.parametrize(
    "change",
    [{"command": []}, {"command": "python x.py"}, {"command": [1]}, {"command": [""]}, {"command": ["a\0"]},
     {"command": ["x"] * 1001}, {"folder": "x"}, {"folder": "/no/such"}, {"folder": None}, {"gpus": -1}, {"gpus": 3},
     {"gpus": 1.5}, {"gpus": "1"}, {"gpus": True}, {"gpus": 10**30}, {"name": "a\nb"}, {"name": "x" * 201},
     {"environment": {}},
     {"command": ["\ud800"]}],
)  # fmt: skip
def test_a_bad_request_is_refused_and_starts_nothing(app: Any, tmp_path: Path, change: dict[str, Any]) -> None:
    body = json.dumps({"command": ["touch", "started"], "folder": str(tmp_path), "gpus": 0, **change})
    answer = app.client.post("/tasks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert app.client.get("/tasks").json() == {"tasks": []}
    assert not (tmp_path / "started").exists()


def test_unknown_tasks(app: Any) -> None:
    assert app.client.get("/tasks/x").status_code == 404
    assert app.client.post("/tasks/x/stop").status_code == 404


def test_strange_output_and_names_are_strict_json(
    app: Any, add: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    task = add(PYTHON, "-c", r"import os; os.write(1, b'\x1b[31m\xff\x00')", "\x1b;$(x)\r\n")
    ended = eventually(lambda: (now := app.client.get(f"/tasks/{task['id']}").json())["state"] == "finished" and now)
    assert ended["output"] == "\x1b[31m\ufffd\x00"
    assert ended["command"][-1] == "\x1b;$(x)\r\n"


def test_two_tasks_share_a_gpu_when_the_config_says_so(start_app: Callable[..., Any], tmp_path: Path) -> None:
    app = start_app(gpus=[3], tasks_per_gpu=2)
    body = {"command": ["sleep", "1000"], "folder": str(tmp_path), "gpus": 1}
    tasks = [app.client.post("/tasks", json=body).json() for _ in range(3)]
    assert [(task["state"], task["gpu_ids"]) for task in tasks] == [("running", [3]), ("running", [3]), ("queued", [])]
    (gpu,) = app.client.get("/system").json()["gpus"]
    assert (gpu["task"], gpu["others"]) == (tasks[0]["id"], 1)
