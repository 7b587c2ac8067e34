"""The machine."""

from fastapi import APIRouter

from ailab_server.models import System
from ailab_server.routes.context import Caller, Parts

router = APIRouter(tags=["system"])


@router.get("/system")
def get_system(caller: Caller, parts: Parts) -> System:
    """The machine's name, its workspace, and who has which GPU."""
    return parts.system(caller.user)
