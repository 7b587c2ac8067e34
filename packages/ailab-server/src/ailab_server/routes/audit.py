"""Who did what: for admins."""

from typing import Annotated

from fastapi import APIRouter, Query

from ailab_server.models import AuditEntry, AuditPage
from ailab_server.routes.context import Parts
from ailab_server.strict import text

router = APIRouter(tags=["audit"])


@router.get("/audit")
def get_audit(
    parts: Parts,
    before: Annotated[
        float | None, Query(ge=0, le=1e12, allow_inf_nan=False, description="only what was earlier than this time")
    ] = None,
    user: Annotated[str | None, Query(max_length=256, description="only what this user did")] = None,
    action: Annotated[str | None, Query(max_length=100, description="only this action")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="at most so many, the newest")] = 100,
) -> AuditPage:
    """What was done and refused, the newest first. Needs an admin."""
    found = parts.audit.page(limit, before, user, action)
    entries = [_entry(entry) for entry in found]
    return AuditPage(entries=entries, next=entries[-1].time if len(entries) == limit else None)


def _entry(found: dict[str, object]) -> AuditEntry:
    time, status = found.get("time"), found.get("status")
    return AuditEntry(
        time=float(time) if isinstance(time, int | float) else 0.0,
        status=status if isinstance(status, int) else None,
        **{name: text(found.get(name, ""), 1_000) for name in ("user", "address", "action", "target", "detail")},
    )
