import asyncio

from edge_agents.runtime import tasks


async def test_task_which_swallows_a_cancellation_still_ends() -> None:
    swallowed = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append(1)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert await tasks.end([task])
    assert (task.cancelled(), swallowed) == (True, [1])
