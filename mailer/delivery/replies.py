"""Bytes from a relay → its replies, one by one. Bounded, whatever the relay sends."""

LINE_LENGTH = 8192
"""RFC 5321 §4.5.3.1.5 promises 512; some relays say more."""
REPLY_LINES = 128

_CODES = {b"%d" % code: code for code in range(200, 600)}


class ReplyReader:
    """Collects bytes until a reply is complete. A reply is its code and the words of all its lines, undecoded.

    garbage: says what came instead of a reply; the connection can't be trusted any more then.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._words: list[bytes] = []
        self.garbage = ""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The replies that `data` completes; those before `garbage`, where there is any."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_LENGTH:
            self.garbage = "the relay sent a line without an end"
        replies = []
        for line in lines:
            code = _CODES.get(line[:3])
            if code is None or len(line) > LINE_LENGTH or line[3:4] not in b" -\r":
                self.garbage = f"the relay sent {line[:60]!r}, which is no reply"
                break
            if line[3:4] == b"-":  # RFC 5321 §4.2.1: more lines of this reply follow
                self._words.append(line[4:].strip())
                if len(self._words) > REPLY_LINES:
                    self.garbage = "the relay sent a reply without an end"
                    break
            elif self._words:
                replies.append((code, b" ".join([*self._words, line[4:].strip()])))
                self._words = []
            else:
                replies.append((code, line[4:].rstrip()))
        return replies
