"""The one error of the wire contract."""


class ProtocolError(ValueError):
    """A message cannot be accepted.

    ``code`` is stable and machine readable, ``detail`` is a French sentence for the supervision page.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
