"""Modbus TCP, the few functions an isolated input or output module needs; blocking, with a time limit."""

from __future__ import annotations

import contextlib
import socket
import struct

READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT, WRITE_COIL = 1, 2, 3, 4, 5
_HEADER = struct.Struct(">HHHB")
_ON, _OFF = 0xFF00, 0x0000
_REASONS = {
    1: "fonction refusée",
    2: "adresse inconnue du module",
    3: "valeur refusée",
    4: "défaut du module",
    6: "module occupé",
}


class ModbusError(OSError):
    """The module refused, or answered something else. The text is French."""


class ModbusTcp:
    """One connection, opened when needed and dropped after any error."""

    def __init__(self, host: str, port: int = 502, unit_id: int = 1, timeout_s: float = 0.5) -> None:
        self._address = (host, port)
        self._unit_id = unit_id
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._transaction = 0

    def read_bits(self, function: int, address: int, count: int) -> list[bool]:
        """Coils or discrete inputs. Raises ``OSError``."""
        body = self._ask(function, struct.pack(">HH", address, count))
        if len(body) != 1 + (count + 7) // 8:
            raise self._dropped("réponse incomplète")
        return [bool(body[1 + i // 8] >> (i % 8) & 1) for i in range(count)]

    def read_registers(self, function: int, address: int, count: int) -> list[int]:
        """Holding or input registers, unsigned 16 bits. Raises ``OSError``."""
        body = self._ask(function, struct.pack(">HH", address, count))
        if len(body) != 1 + 2 * count:
            raise self._dropped("réponse incomplète")
        return list(struct.unpack(f">{count}H", body[1:]))

    def write_coil(self, address: int, value: bool) -> None:
        """Sets one coil. Raises ``OSError``."""
        wanted = struct.pack(">HH", address, _ON if value else _OFF)
        if self._ask(WRITE_COIL, wanted) != wanted:
            raise self._dropped("écriture non confirmée")

    def close(self) -> None:
        """Ends the connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _ask(self, function: int, data: bytes) -> bytes:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, self._timeout_s)
                self._socket.settimeout(self._timeout_s)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._transaction = self._transaction % 0xFFFF + 1
            head = _HEADER.pack(self._transaction, 0, 2 + len(data), self._unit_id)
            self._socket.sendall(head + bytes([function]) + data)
            return self._answer(self._socket, function)
        except OSError:
            self.close()
            raise

    def _answer(self, line: socket.socket, function: int) -> bytes:
        transaction, protocol, length, _ = _HEADER.unpack(_exactly(line, _HEADER.size))
        if transaction != self._transaction or protocol != 0 or not 2 <= length <= 254:
            raise ModbusError("réponse Modbus inattendue")
        body = _exactly(line, length - 1)
        if body[0] == function | 0x80:
            code = body[1] if len(body) > 1 else 0
            raise ModbusError(_REASONS.get(code, f"exception Modbus {code}"))
        if body[0] != function:
            raise ModbusError("réponse Modbus inattendue")
        return body[1:]

    def _dropped(self, reason: str) -> ModbusError:
        self.close()
        return ModbusError(reason)


def _exactly(line: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = line.recv(count - len(found))
        if not piece:
            raise ModbusError("connexion fermée par le module")
        found += piece
    return found
