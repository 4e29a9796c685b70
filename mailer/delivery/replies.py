"""Bytes from a relay → its replies, one by one. Bounded, whatever the relay sends."""

LINE_LENGTH = 8192
"""RFC 5321 §4.5.3.1.5 promises 512; some relays say more."""
REPLY_LINES = 128
REMEMBERED = 16

Reply = tuple[int, bytes]

_CODES = {b"%d" % code: code for code in range(200, 600)}


class ReplyReader:
    """Collects bytes until a reply is complete. A reply is its code and the words of all its lines, undecoded.

    garbage: says what came instead of a reply; the connection can't be trusted any more then.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._words: list[bytes] = []
        # A relay says the same few lines for every letter, apart from the queue id after its content
        self._heard: dict[bytes, Reply] = {}
        self.garbage = ""

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes; those before `garbage`, where there is any."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_LENGTH:
            self.garbage = "the relay sent a line without an end"
        replies = []
        for line in lines:
            reply = self._heard.get(line) or self._read(line)
            if reply is not None:
                replies.append(self._join(reply) if self._words else reply)
            elif self.garbage:
                break
        return replies

    def _read(self, line: bytes) -> Reply | None:
        """What a line ends; None where the reply goes on."""
        code = _CODES.get(line[:3])
        if code is None or len(line) > LINE_LENGTH or line[3:4] not in b" -\r":
            self.garbage = f"the relay sent {line[:60]!r}, which is no reply"
            return None
        if line[3:4] == b"-":  # RFC 5321 §4.2.1: more lines of this reply follow
            self._words.append(line[4:].strip())
            if len(self._words) > REPLY_LINES:
                self.garbage = "the relay sent a reply without an end"
            return None
        reply = code, line[4:].rstrip()
        if len(self._heard) < REMEMBERED:
            self._heard[line] = reply
        return reply

    def _join(self, last: Reply) -> Reply:
        words, self._words = self._words, []
        return last[0], b" ".join([*words, last[1]])
