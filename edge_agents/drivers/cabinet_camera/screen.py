"""The small screen of a cabinet (VIS-09): one page on 127.0.0.1 for a browser in kiosk mode, with the "wrong" button."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

from edge_agents.drivers.local_api import Answer

_PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Armoire</title>
<style>body{font:28px system-ui,sans-serif;margin:0;background:#111827;color:#f9fafb;display:grid;place-items:center;height:100vh}
main{text-align:center;padding:1em}#text{font-size:1.9em;font-weight:600;min-height:2.4em}#open{color:#93c5fd}
button{font:inherit;font-weight:600;padding:.7em 1.6em;border:0;border-radius:.4em;background:#dc2626;color:#fff}
button[hidden]{display:none}#clock{position:fixed;top:.4em;right:.6em;margin:0;color:#9ca3af}
body.light{background:#f4f4f4;color:#1f2937}body.light #open{color:#0055aa}body.quiet{filter:brightness(.35)}</style><p id="clock"></p><main><p id="open"></p><p id="text"></p><button id="wrong" hidden></button>
<button id="view" hidden>Personne dans le champ : prendre la vue</button></main><script>
const say=async body=>(await fetch('/',{method:'POST',body:JSON.stringify(body)})).json();
const el=id=>document.getElementById(id);
el('wrong').onclick=async()=>{el('text').textContent=(await say({do:'wrong'})).message;el('wrong').hidden=true;held=Date.now()+4000};
el('view').onclick=async()=>{el('text').textContent=(await say({do:'reference'})).message;held=Date.now()+4000};
let last='',sounds=null;const tone=()=>{try{sounds??=new AudioContext();const o=sounds.createOscillator();o.frequency.value=880;
o.connect(sounds.destination);o.start();o.stop(sounds.currentTime+.12)}catch(e){}};
let held=0;setInterval(async()=>{try{const s=await say({do:'status'});el('clock').textContent=s.clock||'';
document.body.className=(s.dark===false?'light ':'')+(s.quiet?'quiet':'');document.body.style.fontSize=28*(s.text_scale||1)+'px';
if(s.message&&s.message!==last&&s.sound)tone();last=s.message||'';el('open').textContent=s.open?'Armoire ouverte':'';
if(Date.now()<held)return;el('text').textContent=s.open?'Prenez, rangez, fermez.':(s.message||(s.reference?'Armoire prête':'Vue de référence manquante : écartez-vous de la caméra, puis'));
el('view').hidden=s.open||s.reference;
el('wrong').hidden=s.open||!(s.wrong_s>0);el('wrong').textContent='C\\u2019est faux ('+Math.ceil(s.wrong_s)+' s)'}
catch(e){el('text').textContent='Station arrêtée'}},700)</script></html>"""
_LONGEST = 16 * 1024
_HOSTS = {"127.0.0.1", "localhost"}
_ALLOWED = {"status", "wrong", "open", "close", "reference"}


class Screen:
    """Serves the page and passes its few requests on to the driver."""

    def __init__(self, answer: Answer, port: int, port_file: Path) -> None:
        self._answer = answer
        self._wanted = port
        self._port_file = port_file
        self._server: asyncio.Server | None = None
        self.port = port

    async def __aenter__(self) -> Screen:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._wanted, limit=_LONGEST)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._port_file.write_text(str(self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._port_file.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(10):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                status, kind, body = await self._reply(head, reader)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        writer.close()

    async def _reply(self, head: str, reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
        lines = head.split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        host, origin = headers.get("host", ""), headers.get("origin")
        # A foreign name that leads to this machine makes a foreign page look like its own.
        if host.partition(":")[0] not in _HOSTS or origin not in {None, f"http://{host}"}:
            return "403 Forbidden", "text/plain", b""
        if lines[0].startswith("GET / "):
            return "200 OK", "text/html; charset=utf-8", _PAGE.encode()
        if not lines[0].startswith("POST / "):
            return "404 Not Found", "text/plain", b""
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= _LONGEST:
            return "413 Content Too Large", "text/plain", b""
        request = json.loads(await reader.readexactly(length))
        if not isinstance(request, dict) or request.get("do") not in _ALLOWED:
            return "400 Bad Request", "text/plain", b""
        answer = await self._answer(request)
        return "200 OK", "application/json", json.dumps(answer, ensure_ascii=False).encode()
