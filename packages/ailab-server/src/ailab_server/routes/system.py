"""The machine."""

from fastapi import APIRouter

from ailab_server.models import System, SystemState
from ailab_server.routes.context import Caller, Parts

router = APIRouter(tags=["system"])


@router.get("/system")
def get_system(caller: Caller, parts: Parts) -> System:
    """The machine's name, its workspace, and who has which GPU."""
    return parts.system(caller.user)


@router.get("/system/state")
def get_system_state(parts: Parts) -> SystemState:
    """What processors, memory, disks and GPUs do at the moment, and whose processes are on the GPUs."""
    return parts.machine.state()
