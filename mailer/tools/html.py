"""From other people's markup and addresses to plain text and safe links. No markup leaves this file.

Text is what a reader sees: on one line, entities decoded once, without control characters, and without
private-use characters, which are our own marks in templates.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import idna
from selectolax.lexbor import LexborHTMLParser, LexborNode

_UNSEEN = ["script", "style", "template", "noscript", "iframe", "object", "svg", "math", "head", "textarea"]
_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd mark q s samp small span strike "
    "strong sub sup time tt u var wbr"
)
_BLOCK_NAMES = (
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption "
    "figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html input li link main meta nav ol "
    "option p pre section select summary table tbody td tfoot th thead title tr ul video audio embed"
)
_INLINE = frozenset(_INLINE_NAMES.split())
_TAG = re.compile(
    rf"<!--|</?(?:{'|'.join([*_INLINE_NAMES.split(), *_BLOCK_NAMES.split(), *_UNSEEN])})(?=[\s/>])",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_SPACE = re.compile(r"[^\S\u00a0\u202f]+")  # no-break spaces are part of French typography
_OPENS = {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c"} | {
    "\u2066": "\u2069",
    "\u2067": "\u2069",
    "\u2068": "\u2069",
}
_MAX_ADDRESS = 2000


def to_text(markup: str) -> str:
    """The visible text of HTML, on one line."""
    return one_line(" ".join(text for text, _ in to_lines(markup)))


def to_lines(markup: str, base: str = "", without: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The visible lines of HTML, each with the first link in it (resolved against `base`; "" if none).

    without: names of elements that are left out, with all that stands in them.
    """
    parser = LexborHTMLParser(markup)
    parser.strip_tags([*_UNSEEN, *without], recursive=True)
    return [] if parser.body is None else list(_lines(parser.body, base))


def _lines(root: LexborNode, base: str) -> Iterator[tuple[str, str]]:
    pieces: list[str] = []
    link = ""
    for piece in _walk(root):
        if piece is None:
            if text := one_line("".join(pieces)):
                yield text, link
                link = ""
            pieces = []
        elif isinstance(piece, str):
            pieces.append(piece)
        else:
            link = link or web_link(piece.attributes.get("href") or "", base)
    if text := one_line("".join(pieces)):
        yield text, link


def _walk(root: LexborNode) -> Iterator[str | LexborNode | None]:
    """Text as it comes, each `<a>`, and None where a line ends. No recursion: nesting may be deep."""
    node, depth = root.child, 1
    while node is not None and depth:
        if node.is_text_node:
            yield node.text_content or ""
        elif node.tag == "a":
            yield node
        elif node.tag not in _INLINE:
            yield None
        if node.child is not None:
            node, depth = node.child, depth + 1
            continue
        while node is not None and node.next is None and depth:
            node, depth = node.parent, depth - 1
            if node is not None and node.tag not in _INLINE:
                yield None
        node = node.next if node is not None else None


def title_text(text: str) -> str:
    """A title as text on one line. Feeds leave open whether a title is HTML: it is where it looks so."""
    return to_text(text) if _TAG.search(text) or _ENTITY.search(text) else one_line(text)


def one_line(text: str) -> str:
    """Text with every run of white space and control characters made one space, and direction marks balanced."""
    return _balanced(_SPACE.sub(" ", "".join(_seen(c) for c in text)).strip())


def _seen(character: str) -> str:
    if character < "\x7f":
        return character if character >= " " else " "
    if character in "\ufeff\ufffe\uffff\u00ad":
        return ""
    category = unicodedata.category(character)
    return {"Cc": " ", "Zl": " ", "Zp": " ", "Co": "", "Cs": ""}.get(category, character)


def _balanced(text: str) -> str:
    """Close what a title opens, so that its direction can't run into the words behind it (UAX 9)."""
    if not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in text):
        return text
    kept: list[str] = []
    open_: list[str] = []
    for c in text:
        if c in _OPENS:
            open_.append(_OPENS[c])
        elif c in _OPENS.values():
            if not open_ or open_[-1] != c:
                continue
            open_.pop()
        kept.append(c)
    return "".join(kept) + "".join(reversed(open_))


def web_link(href: str, base: str = "") -> str:
    """An absolute http(s) address in plain ASCII, or "" where there is none that may stand in a mail."""
    href = re.sub(r"[\t\r\n]", "", href.strip("".join(map(chr, range(33)))))
    if any(c < " " or c == "\x7f" for c in href):
        return ""
    try:
        parts = urlsplit(urljoin(base, href) if base else href)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
            return ""
        host = f"[{host}]" if ":" in host else host
        host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except (ValueError, UnicodeError):
        return ""
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", host):
        return ""
    path, query, fragment = (
        quote(part, safe="/%:@!$&'()*+,;=~-._?") for part in (parts.path, parts.query, parts.fragment)
    )
    link = urlunsplit((parts.scheme, host + port, path, query, fragment))
    return link if len(link) <= _MAX_ADDRESS else ""
