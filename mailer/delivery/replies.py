"""Bytes from a relay → its replies, one by one. Bounded, whatever the relay sends."""

LINE_LENGTH = 8192
"""RFC 5321 §4.5.3.1.5 promises 512; some relays say more."""
REPLY_LINES = 128

_CODES = {b"%d" % code: code for code in range(200, 600)}


class Garbage(Exception):
    """What came is no SMTP reply; the connection can't be trusted any more."""


class ReplyReader:
    """Collects bytes until a reply is complete. A reply is its code and the words of all its lines, undecoded."""

    def __init__(self) -> None:
        self._rest = b""
        self._words: list[bytes] = []

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The replies that `data` completes. Raises Garbage."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_LENGTH:
            raise Garbage("the relay sent a line without an end")
        replies = []
        for line in lines:
            code = _CODES.get(line[:3])
            if code is None or len(line) > LINE_LENGTH or line[3:4] not in b" -\r":
                raise Garbage(f"the relay sent {line[:60]!r}, which is no reply")
            if line[3:4] == b"-":  # RFC 5321 §4.2.1: more lines of this reply follow
                if len(self._words) >= REPLY_LINES:
                    raise Garbage("the relay sent a reply without an end")
                self._words.append(line[4:].strip())
            elif self._words:
                replies.append((code, b" ".join([*self._words, line[4:].strip()])))
                self._words = []
            else:
                replies.append((code, line[4:].rstrip()))
        return replies
