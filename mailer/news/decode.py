"""From the bytes of a document to its text, and what may not pass: no DTD, no web page, no half document."""

import codecs
import re
from email.message import Message

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BARE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_SERVED = re.compile(
    r"utf-?8|utf-?16(?:-?[lb]e)?|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?\d|windows-?125\d|cp125\d|"
    r"koi8-[ru]|gb2312|gbk|gb18030|big5|euc-jp|euc-kr|shift[_-]jis",
    re.IGNORECASE,
)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FEED_LINK = re.compile(
    r"<link\b[^>]{0,500}type=[\"']application/(?:rss|atom|feed)\+(?:xml|json)[^>]{0,500}>", re.I
)
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]{0,100})")


class NotReadable(Exception):
    """This is no document that we can take; the message says what it is and what to do."""


def decode(content: bytes, content_type: str = "") -> str:
    """The text of a document. Encodings that could hide a `<!DOCTYPE` from a reader of bytes aren't served."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return content.decode(encoding, "replace")
    for start, encoding in _BARE:
        if content.lstrip(b" \t\r\n").startswith(start):
            return content.decode(encoding, "replace")
    for encoding in (_charset(content_type), _declared(content), "utf-8"):
        if encoding and _SERVED.fullmatch(encoding):
            try:
                return content.decode(encoding)
            except (UnicodeError, LookupError):
                continue
    return content.decode("windows-1252", "replace")


def _charset(content_type: str) -> str:
    header = Message()
    header["Content-Type"] = re.sub(r"[\r\n]", " ", content_type)
    return header.get_content_charset() or ""


def _declared(content: bytes) -> str:
    match = _DECLARED.match(content[:400])
    return match.group(1).decode("ascii") if match else ""


def xml_root(text: str) -> str:
    """The document from its root element on, without what may not stand in XML. Raises NotReadable.

    A DTD is refused, whatever it says: entities beyond the predefined can be bombs, or read files (W03).
    """
    text = _NOT_XML.sub("", text)
    place = _behind_prolog(text)
    root = _ROOT.match(text, place)
    if re.compile(r"<!doctype\s+html\b", re.IGNORECASE).match(text, place):
        raise NotReadable(_web_page(text))
    if text[place : place + 9].lower() == "<!doctype":
        raise NotReadable(
            "it holds a DTD (<!DOCTYPE …>), which is not safe to read; ask its publisher to drop it"
        )
    if root is None:
        raise NotReadable("this is not a feed: neither RSS, Atom nor JSON Feed; look for the site's RSS link")
    if root.group(1).lower() == "html":
        raise NotReadable(_web_page(text))
    if f"</{root.group(1)}" not in text[place:] and "/>" not in text[place : text.find(">", place) + 1]:
        raise NotReadable("it breaks off in the middle, so nothing of it was taken; we try again later")
    return text[place:]


def _behind_prolog(text: str) -> int:
    """Where the white space, comments and instructions at the beginning end."""
    place = 0
    while True:
        while place < len(text) and text[place] in " \t\r\n\ufeff":
            place += 1
        if text.startswith("<?", place):
            end = text.find("?>", place)
            skip = 2
        elif text.startswith("<!--", place):
            end = text.find("-->", place)
            skip = 3
        else:
            return place
        if end < 0:
            return len(text)
        place = end + skip


def _web_page(text: str) -> str:
    link = _FEED_LINK.search(text[:200_000])
    href = re.search(r"href=[\"']([^\"'<>\s]{1,500})", link.group()) if link else None
    where = f"; its feed seems to be at {href.group(1)}" if href else ""
    return f"this is a web page, not a feed: look for its RSS link{where}"
