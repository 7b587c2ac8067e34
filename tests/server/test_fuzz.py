"""Whatever the OpenAPI document allows, and what it does not, is sent to every route: no mistake of the server's, and
no answer but those that the document describes.

``AILAB_FUZZ=2000`` tries so many requests of each route; 20 otherwise, the same at each run.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import pytest
import uvicorn
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from ailab.experiment import Config, start
from ailab.plugins import hookimpl
from ailab_server.app import document
from ailab_server.auth import passwords
from ailab_server.config import ServerConfig
from ailab_server.hooks import server_manager
from ailab_server.late import create_app
from ailab_server.scheduler.executor import Job, Outcome
from ailab_server.services import Services

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it imports is not ours to mend
    schemathesis = pytest.importorskip("schemathesis")
    from schemathesis.checks import CHECKS, load_all_checks  # type: ignore[import-not-found,unused-ignore]
    from schemathesis.generation import GenerationMode  # type: ignore[import-not-found,unused-ignore]

    load_all_checks()

CHECKED = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
EXAMPLES = int(os.environ.get("AILAB_FUZZ", "20"))


class NothingStarts:
    """An executor that runs nothing: the commands are made up by a machine."""

    def start(self, job: Job, ended: Callable[[Outcome], None]) -> Any:
        class Handle:
            def stop(self, grace: float) -> None:
                threading.Timer(0.0, ended, [Outcome(-15)]).start()

            def output(self, limit: int) -> str:
                return ""

        return Handle()

    def forget(self, task: str) -> None: ...

    def close(self) -> None: ...


class Plugin:
    @hookimpl(tryfirst=True)
    def ailab_executor(self, config: Any) -> Any:
        return NothingStarts()


class Served:
    """A server on a socket of this machine, and ids that there are."""

    def __init__(self, url: str, services: Services) -> None:
        self.url = url
        self.services = services

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.services.tokens.issue('ada')[0]}"}

    def ids(self, path: str, name: str) -> list[str]:
        """What may stand for ``{name}`` in an address: what the address above it lists."""
        runs = sorted({run.id for run in self.services.workspace.summaries()} | set(self.services.trash.runs()))
        if name == "run":
            return runs
        if name == "task":
            return [task.id for task in self.services.scheduler.tasks()]
        above = path.partition(f"/{{{name}}}")[0]
        found: set[str] = set()
        with httpx.Client(base_url=self.url, headers=self.headers(), trust_env=False) as client:
            for run in runs:
                for address in (above, above.rpartition("/")[0]):  # images are listed with their run
                    found |= set(_ids(client.get(address.replace("{run}", run)).json()))
        return sorted(found - set(runs))


def _ids(answer: Any) -> Iterator[str]:
    if isinstance(answer, dict):
        yield from [answer["id"]] if isinstance(answer.get("id"), str) else []
    for part in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else []:
        yield from _ids(part)


def write_run(workspace: Path, number: int) -> None:
    """A run that has something of everything."""
    config = Config()
    config.train.experiment_name = "digits"
    for name in ("model", "loss", "prepare"):
        setattr(config.arch, name, print)
    config.arch.metrics = []
    with start(config, workspace=workspace, snapshot=False, capture_output=False, system_seconds=None) as run:
        run.log_value("loss", float("nan") if number else 1.0, primary=True)
        run.log_image("figure", np.zeros((4, 4, 3), np.uint8), caption="c")
        run.log_text("note", "ü\x1b" * 300)
        run.log_table("table", [[n, str(n)] for n in range(25)], columns=["a", "b"])
        run.log_histogram("h", np.arange(10.0), bins=2)
        run.log_file(workspace / "file.bin")
        run.tags, run.notes = ["paper"], "notes"
    run.folder.output.write_text("printed é\n")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("fuzz")
    workspace = root / "workspace"
    workspace.mkdir()
    (workspace / "file.bin").write_bytes(bytes(range(256)))
    for number in range(3):
        write_run(workspace, number)
    config = ServerConfig.model_validate(
        {"workspace": str(workspace), "users": {"ada": "x"}, "gpus": [0, 1], "state_dir": str(root / "state")}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_N", 2)
        manager = server_manager()
        manager.register(Plugin())
        services = Services(config, manager)
        app = create_app(services)
        listening = socket.create_server(("127.0.0.1", 0))
        options = uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, ws="none")
        server = uvicorn.Server(options)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        serving = asyncio.run_coroutine_threadsafe(server._serve([listening]), loop)
        assert services.workspace.wait_until_read(20)
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", services)
        server.should_exit = True
        serving.result(20)
        listening.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def operations() -> list[Any]:
    """Every operation but the stream, which has no end."""
    schema = schemathesis.openapi.from_dict(document())
    found = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if operation.path != "/api/v1/stream"]


@pytest.mark.filterwarnings("ignore")  # of the fuzzer's own parts
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
@pytest.mark.timeout(0 if "AILAB_FUZZ" in os.environ else 120)
def test_no_request_finds_a_mistake(operation: Any, served: Served) -> None:
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    checks = [CHECKS.get_one(name) for name in CHECKED]
    known = {name: served.ids(operation.path, name) for name in re.findall(r"{(\w+)}", operation.path)}

    @seed(1)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases, data=st.data())
    def ask(case: Any, data: st.DataObject) -> None:
        # An address made up by a machine is never that of anything that is there.
        for name, ids in known.items():
            if ids and data.draw(st.integers(0, 3)):
                case.path_parameters[name] = data.draw(st.sampled_from(ids))
        if isinstance(case.body, dict) and isinstance(case.body.get("runs"), list) and data.draw(st.booleans()):
            case.body["runs"] = data.draw(st.lists(st.sampled_from(served.ids("", "run")), min_size=1))
        # A head of over 64 KiB is refused before there is a request; test_serve.py has that.
        assume(len(urlencode(case.query or {}, doseq=True, errors="replace")) + len(case.formatted_path) < 50_000)
        response = case.call(base_url=served.url, headers=served.headers(), timeout=60)
        answered.add(response.status_code)
        case.validate_response(response, checks=checks, headers=served.headers())

    answered: set[int] = set()
    ask()
    assert len(answered) > 1 or operation.method == "get", "every request was refused alike: that tries nothing"


def test_the_fuzzer_finds_what_is_wrong(served: Served) -> None:
    """Of a document that promises something else, every answer is wrong."""
    promised = document()
    promised["components"]["schemas"]["System"]["properties"]["name"] = {"type": "integer"}
    schema = schemathesis.openapi.from_dict(promised)
    case = schema["/api/v1/system"]["GET"].Case()
    response = case.call(base_url=served.url, headers=served.headers())
    with pytest.raises(BaseExceptionGroup) as found:
        case.validate_response(response, checks=[CHECKS.get_one("response_schema_conformance")])
    assert found.group_contains(Exception, match='is not of type "integer"')
