"""XMP packets, read by their structure (ISO 16684-1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
DCTERMS = "{http://purl.org/dc/terms/}"
AIGC = "{http://www.tc260.org.cn/ns/AIGC/1.0/}"
EXIF = "{http://ns.adobe.com/exif/1.0/}"

Properties = dict[str, list[str]]
"""Property names as `{namespace}name`, with what the packet says of each."""


def read_xmp(packet: bytes) -> Properties:
    """Return the properties of the document itself, not those of its ingredients or history.

    Raises:
        ValueError: it is no XML, or XML with entities, which no XMP needs.
    """
    body = packet[: packet.rfind(b">") + 1].lstrip(b"\0 \t\r\n")
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise ValueError("the XMP packet is no proper XML") from error
    found: Properties = defaultdict(list)
    for description in _descriptions(root):
        for name, value in description.attrib.items():
            found[name].append(value)
        for child in description:
            found[child.tag].extend(_values(child))
    return found


def _descriptions(root: Element) -> Iterator[Element]:
    rdf = root if root.tag == f"{RDF}RDF" else root.find(f"{RDF}RDF")
    if rdf is not None:
        yield from rdf.findall(f"{RDF}Description")


def _values(element: Element) -> Iterator[str]:
    """Yield the text of a property: its own, a resource's address, or each item of a list."""
    resource = element.get(f"{RDF}resource")
    if resource:
        yield resource
    if element.text and element.text.strip():
        yield element.text.strip()
    for container in element:
        for item in container.findall(f"{RDF}li"):
            if item.text and item.text.strip():
                yield item.text.strip()
