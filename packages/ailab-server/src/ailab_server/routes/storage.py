"""What runs take of the disk: by user, by experiment, and each."""

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Query

from ailab_server.models import ExperimentStorage, RunStorage, RunStoragePage, Storage, UserStorage
from ailab_server.routes.context import Parts
from ailab_server.strict import text

router = APIRouter(tags=["storage"])


@router.get("/storage")
def get_storage(parts: Parts) -> Storage:
    """What the runs take by user and by experiment, as far as they have been measured, which goes on by itself."""
    places, measured, shared = parts.workspace.places(), parts.storage.runs(), parts.storage.shared()
    users: dict[str, list[int]] = defaultdict(list)
    experiments: dict[str, list[int]] = defaultdict(list)
    for id, one in measured.items():
        users[one.user].append(one.bytes)
        experiments[places.get(id, "//").split("/")[-2]].append(one.bytes)
    return Storage(
        runs=len(places),
        measured=len(measured),
        complete=parts.storage.complete,
        bytes=sum(one.bytes for one in measured.values()),
        trash=shared["trash"].bytes if "trash" in shared else None,
        code=shared["code"].bytes if "code" in shared else None,
        users=sorted(
            (UserStorage(user=text(name, 200), runs=len(sizes), bytes=sum(sizes)) for name, sizes in users.items()),
            key=lambda one: (-one.bytes, one.user),
        ),
        experiments=sorted(
            (
                ExperimentStorage(experiment=text(name, 500), runs=len(sizes), bytes=sum(sizes))
                for name, sizes in experiments.items()
            ),
            key=lambda one: (-one.bytes, one.experiment),
        ),
    )


@router.get("/storage/runs")
def list_run_storage(
    parts: Parts,
    user: Annotated[str | None, Query(max_length=200, description="only this user's")] = None,
    experiment: Annotated[str | None, Query(max_length=500, description="only this experiment's")] = None,
    offset: Annotated[int, Query(ge=0, le=10_000_000, description="leave out so many at the beginning")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000, description="at most so many")] = 100,
) -> RunStoragePage:
    """What each run takes, the largest first."""
    places = parts.workspace.places()
    found = []
    for id, one in parts.storage.runs().items():
        _, group, name = places.get(id, "//").rsplit("/", 2)
        if user in (None, one.user) and experiment in (None, text(group, 500)):
            found.append((id, group, name, one))
    found.sort(key=lambda item: (-item[3].bytes, item[1], item[2]))
    runs = [
        RunStorage(
            run=id,
            experiment=text(group, 500),
            name=text(name, 500),
            user=text(one.user, 200),
            bytes=one.bytes,
            files=one.files,
            time=one.time,
        )
        for id, group, name, one in found[offset : offset + limit]
    ]
    return RunStoragePage(runs=runs, total=len(found))
