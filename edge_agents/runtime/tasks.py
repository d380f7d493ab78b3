"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_ATTEMPTS = 5
_WAIT_S = 3.0


async def end(tasks: Iterable[asyncio.Task[Any]]) -> bool:
    """Cancels tasks and waits for them; False when one would not end.

    A library may swallow one cancellation (``asyncio.wait_for`` of Python 3.11 does when its result arrives at
    the same moment), so it is asked again rather than waited for without end.
    """
    pending = {task for task in tasks if not task.done()}
    for _ in range(_ATTEMPTS):
        if not pending:
            return True
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_WAIT_S)
    return not pending
