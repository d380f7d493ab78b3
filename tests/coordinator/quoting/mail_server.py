"""A real SMTP server on a free port, for tests: takes messages, or refuses them as told."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast


@dataclass
class Mailbox:
    """What arrived, and the answer given to the next recipients (``250`` takes)."""

    port: int = 0
    answer: str = "250 ok"
    farewell: str = "221 bye"
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        box: Mailbox = cast("Any", self.server).box
        self.say("220 test ESMTP")
        while line := self.rfile.readline():
            verb = line.strip().decode().upper()
            if verb.startswith("RCPT"):
                self.say(box.answer)
                if box.answer.startswith("250"):
                    box.recipients.append(line.decode().split("<")[1].split(">")[0])
            elif verb == "DATA":
                self.say("354 go on")
                box.messages.append(message_from_bytes(self._data(), policy=policy.default))
                self.say("250 taken")
            elif verb == "QUIT":
                self.say(box.farewell)
                return
            else:
                self.say("250 ok")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)


class MailServer:
    """``with MailServer() as box``: listens until the end of the block."""

    def __enter__(self) -> Mailbox:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session)
        self._server.daemon_threads = True
        box = Mailbox(self._server.server_address[1])
        cast("Any", self._server).box = box
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return box

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
