"""Lets go of the stop contact when the agent dies: ``python -m edge_agents.drivers.stop_guard FILE``.

Reads its standard input, which the agent holds open; whatever ends the agent, a kill included, ends the input, and
the contact is written 0. Only the standard library, so that it starts at once and stays small.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path


def main() -> None:
    """Waits for the end of the agent, then lets go."""
    # A stop of the service signals all of its processes: this one still has to outlive the agent.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while sys.stdin.buffer.read(1):
        pass
    Path(sys.argv[1]).write_bytes(b"0")


if __name__ == "__main__":
    main()
