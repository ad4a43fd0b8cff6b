"""Fetching by address: what is fetched, and everything that is not.

The servers are real ones on loopback. To reach them the tests hand in a resolver, a port and
one more allowed address; the default's guards are tested as they are.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator, Sequence

import pytest
import trustme

from backend.errors import TooLarge, UnsupportedType, UrlRefused, UrlUnreachable
from backend.imaging.addresses import Address, is_public
from backend.imaging.fetch import Fetcher, fetch
from tests.imaging.web import Web, redirect, response, serving

PICTURE = b"\x89PNG and so on"
LOOPBACK = ipaddress.ip_address("127.0.0.1")
METADATA = ipaddress.ip_address("169.254.169.254")
NAMES: dict[str, list[Address]] = {
    "pictures.test": [LOOPBACK],
    "cdn.test": [LOOPBACK],
    "metadata.test": [METADATA],
    "half.test": [LOOPBACK, METADATA],
    "nowhere.test": [],
}


def resolve(host: str, port: int) -> Sequence[Address]:
    if host in NAMES:
        return NAMES[host]
    return [ipaddress.ip_address(host)]


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


def fetcher(web: Web, **options: object) -> Fetcher:
    """Return a fetcher that may reach the test's server: 127.0.0.1 alone, at its port alone."""
    given: dict[str, object] = {
        "resolve": resolve,
        "is_allowed": lambda address: address == LOOPBACK or is_public(address),
        "ports": frozenset({web.port}),
        "timeout_s": 5.0,
    }
    return Fetcher(**{**given, **options})  # type: ignore[arg-type]


# ---- what is fetched --------------------------------------------------------------------------


@pytest.mark.parametrize("type", ["image/png", "IMAGE/JPEG; q=1", "application/octet-stream", None])
def test_a_picture_is_fetched(web, type):
    """The bytes of a picture come back, whether its type is told or not."""
    web.answers["/a.png"] = response(PICTURE, f"Content-Length: {len(PICTURE)}", type=type)
    assert fetcher(web).fetch(web.url("/a.png")) == PICTURE


def test_bodies_without_a_length(web):
    """A body that ends with the connection, or comes in chunks, is read to its end."""
    web.answers["/open"] = response(PICTURE)
    chunks = (
        b"5\r\n" + PICTURE[:5] + b"\r\n%x\r\n" % len(PICTURE[5:]) + PICTURE[5:] + b"\r\n0\r\n\r\n"
    )
    web.answers["/chunked"] = response(chunks, "Transfer-Encoding: chunked")
    assert fetcher(web).fetch(web.url("/open")) == PICTURE
    assert fetcher(web).fetch(web.url("/chunked")) == PICTURE


def test_three_redirects_are_followed(web):
    """Three hops to the picture are followed, relative and absolute ones, each resolved anew."""
    web.answers["/1"] = redirect("/2", "301 Moved Permanently")
    web.answers["/2"] = redirect(web.url("/3", host="cdn.test"), "307 Temporary Redirect")
    web.answers["/3"] = redirect("4?x=1")
    web.answers["/4?x=1"] = response(PICTURE)
    assert fetcher(web).fetch(web.url("/1")) == PICTURE


def test_nothing_is_sent_along(web, monkeypatch):
    """Only a bare request leaves: no cookie, no credentials of ours, no proxy, no packing."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", os.devnull)
    web.answers["/1"] = response(
        b"", "Set-Cookie: a=b", "Location: /2", "Content-Length: 0", status="302 Found"
    )
    web.answers["/2"] = response(PICTURE)
    assert fetcher(web).fetch(web.url("/1#part")) == PICTURE
    for path, request in zip(("/1", "/2"), web.requests, strict=True):
        head, *lines = request.strip().split("\r\n")
        assert head == f"GET {path} HTTP/1.1"
        assert sorted(lines) == [
            "Accept-Encoding: identity",
            "Accept: image/*",
            "Connection: close",
            f"Host: pictures.test:{web.port}",
            "User-Agent: Brushmark",
        ]


def test_letters_beyond_ascii_in_paths(web):
    """Paths with spaces escaped, umlauts and queries reach the server percent-encoded, once."""
    web.answers["/M%C3%BCnch%20en/%E2%82%AC?q=%C3%A9&b=%41"] = response(PICTURE)
    assert fetcher(web).fetch(web.url("/Münch%20en/€?q=é&b=%41")) == PICTURE


# ---- addresses that are refused unseen --------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "blob:https://example.org/1",
        "gopher://example.org/",
        "javascript:alert(1)",
        "//example.org/a.png",
        "example.org/a.png",
        "",
        "http://",
        "http:///a.png",
        "http://user@example.org/",
        "http://user:pw@example.org/",
        "http://example.org@127.0.0.1/",
        "http://127.0.0.1\\@example.org/",
        "http://example.org:22/",
        "http://example.org:8080/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:-80/",
        "http://example.org:80a/",
        "http://exa mple.org/",
        "http://example.org/a\r\nHost: x",
        "http://example.org/\0",
        "http://a..b/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://127.0.0.1%2f.example.org/",
        "http://example.org%00.evil/",
        "http://" + "a" * 300 + "/",
        "http://example.org/" + "a" * 5000,
    ],
)
def test_addresses_of_other_kinds(url):
    """Other schemes and ports, user names, and what cannot be read plainly are refused unseen."""

    def never(host: str, port: int) -> Sequence[Address]:
        raise AssertionError(f"{host} was looked up")

    with pytest.raises(UrlRefused):
        Fetcher(resolve=never).fetch(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[2001::7f00:1]",
        "[fe80::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    ],
)
def test_addresses_that_are_not_public(host):
    """However loopback and private addresses are written, they are judged by what they mean."""
    with pytest.raises(UrlRefused, match="public internet"):
        fetch(f"http://{host}/")


def test_the_guards_of_the_default():
    """Without a word, a fetch is of public addresses, ports 80 and 443, 10 s, 3 hops, 20 MB."""
    default = Fetcher()
    assert default.is_allowed is is_public
    assert default.ports == {80, 443}
    assert (default.timeout_s, default.max_redirects) == (10, 3)
    assert default.max_bytes == 20 * 1024 * 1024
    context = default.tls()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("host", ["localhost.", "127.0.0.1.", "[::1].", "0x7f.0x1.", "127.0.0.1.."])
def test_trailing_dots(host):
    """A dot at the end reaches nothing: refused by its address, or a name that nobody knows."""
    with pytest.raises((UrlRefused, UrlUnreachable)):
        fetch(f"http://{host}/")


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses(text):
    """Ordinary addresses of the internet are allowed."""
    assert is_public(ipaddress.ip_address(text))
    if "." in text:
        assert is_public(ipaddress.ip_address(f"::ffff:{text}"))


def test_one_private_address_among_public_ones(web):
    """A name with one address that is not allowed is refused, whichever comes first."""
    with pytest.raises(UrlRefused):
        fetcher(web).fetch(web.url(host="half.test"))
    assert web.requests == []


def test_a_resolver_that_changes_its_mind(web):
    """A name is looked up once, and the connection goes to the address that was judged."""
    answers = iter([[LOOPBACK], [METADATA], [METADATA]])
    asked: list[str] = []

    def flipping(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return next(answers)

    web.answers["/"] = response(PICTURE)
    assert fetcher(web, resolve=flipping).fetch(web.url()) == PICTURE
    assert asked == ["pictures.test"]
    with pytest.raises(UrlRefused):
        fetcher(web, resolve=flipping).fetch(web.url())
    assert len(web.requests) == 1


def test_unknown_names(web):
    """A name that nobody knows is told so."""
    with pytest.raises(UrlUnreachable, match=r"no nowhere\.test"):
        fetcher(web).fetch(web.url(host="nowhere.test"))

    def failing(host: str, port: int) -> Sequence[Address]:
        raise socket.gaierror("no such name")

    with pytest.raises(UrlUnreachable):
        fetcher(web, resolve=failing).fetch(web.url())


# ---- redirects --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.test/computeMetadata/v1/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "ftp://pictures.test/a.png",
        "http://user:pw@pictures.test/",
        "http://pictures.test:22/",
        "//169.254.169.254/",
        "http://[::1",
        "http://[",
    ],
)
def test_redirects_to_forbidden_places(web, location):
    """Each hop is judged like the first: a public server cannot forward inwards."""
    web.answers["/"] = redirect(location)
    ports = frozenset({web.port, 80})
    with pytest.raises(UrlRefused):
        fetcher(web, ports=ports).fetch(web.url())
    assert len(web.requests) == 1


def test_endless_redirects(web):
    """After three hops no more is followed."""
    web.answers["/"] = redirect("/")
    with pytest.raises(UrlUnreachable, match="forwards more than 3 times"):
        fetcher(web).fetch(web.url())
    assert len(web.requests) == 4


# ---- answers that are refused -----------------------------------------------------------------


def test_too_large_by_its_own_account(web):
    """A length beyond the limit is refused before the body is read."""
    web.answers["/"] = response(b"", "Content-Length: 30000000")
    with pytest.raises(TooLarge, match="20 MB"):
        fetcher(web).fetch(web.url())


@pytest.mark.parametrize("framing", ["open", "chunked"])
def test_too_large_without_saying_so(web, framing):
    """A body that never ends is left once it passes the limit."""
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        chunked = framing == "chunked"
        connection.sendall(response(b"", *(["Transfer-Encoding: chunked"] if chunked else [])))
        piece = b"\0" * 65536
        piece = b"10000\r\n" + piece + b"\r\n" if chunked else piece
        while not web.stopping.is_set():
            connection.sendall(piece)
            sent += len(piece)

    web.answers["/"] = pour
    with pytest.raises(TooLarge):
        fetcher(web, max_bytes=1_000_000).fetch(web.url())
    assert sent < 20_000_000


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity", "zstd"])
def test_packed_bodies(web, encoding):
    """A packed body (a bomb of 100 MB in 100 kB) is refused, never unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b"\0" * 10_000_000) + packer.flush()
    web.answers["/"] = response(bomb, f"Content-Encoding: {encoding}")
    with pytest.raises(UrlUnreachable, match="packed"):
        fetcher(web).fetch(web.url())


@pytest.mark.parametrize("type", ["text/html; charset=utf-8", "application/json", "video/mp4"])
def test_other_types(web, type):
    """A page or a film is refused by its type, without a word of what it says."""
    web.answers["/"] = response(b"secret", type=type)
    with pytest.raises(UnsupportedType) as refused:
        fetcher(web).fetch(web.url())
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("status", ["404 Not Found", "401 Unauthorized", "206 Partial", "500 Oops"])
def test_error_statuses(web, status):
    """A status other than 200 is told by its number, and nothing else of the answer."""
    web.answers["/"] = response(b"secret", "X-Secret: secret", status=status + " secret")
    with pytest.raises(UrlUnreachable, match=status[:3]) as refused:
        fetcher(web).fetch(web.url())
    assert "secret" not in str(refused.value)


def test_a_status_and_when_to_come_back_are_kept(web):
    """Who asks for many pictures learns the status and Retry-After without reading words."""
    web.answers["/"] = response(b"", "Retry-After: 7", status="429 Too Many Requests")
    with pytest.raises(UrlUnreachable) as refused:
        fetcher(web).fetch(web.url())
    assert (refused.value.status, refused.value.retry_after) == (429, "7")


def test_other_kinds_on_request(web):
    """A fetcher that was made for tables takes a table, and still no web page."""
    web.answers["/list"] = response(b"a,b", type="text/csv; charset=utf-8")
    web.answers["/page"] = response(b"<html>", type="text/html")
    tables = fetcher(web, kinds=("text/csv",))
    assert tables.fetch(web.url("/list")) == b"a,b"
    with pytest.raises(UnsupportedType):
        tables.fetch(web.url("/page"))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH secret\r\n",
        b"HTTP/1.1 999999 secret\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n",
        response(b"zz\r\nsecret", "Transfer-Encoding: chunked"),
        response(b"5\r\nab", "Transfer-Encoding: chunked"),
        response(PICTURE, "Content-Length: 500"),
    ],
)
def test_answers_that_are_no_web_answer(web, answer):
    """Other protocols, endless headers and bodies that break off end in one plain sentence."""
    web.answers["/"] = answer
    with pytest.raises(UrlUnreachable) as refused:
        fetcher(web).fetch(web.url())
    assert "secret" not in str(refused.value)


def test_nobody_answers(web):
    """A port where nobody listens is told as such."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UrlUnreachable):
        fetcher(web, ports=frozenset({port})).fetch(f"http://pictures.test:{port}/")


# ---- time -------------------------------------------------------------------------------------


def drip(web: Web, head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while not web.stopping.wait(0.05):
            connection.sendall(drop)

    return answer


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (response(b""), b"x"),
        (response(b"", "Content-Length: 10000"), b"x"),
        (response(b"", "Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
        (b"", b""),
    ],
    ids=["status", "header", "headers", "continue", "body", "length", "chunks", "silence"],
)
def test_servers_that_drip(web, head, drop):
    """A server that sends a byte now and then, wherever in its answer, is cut off in time."""
    web.answers["/"] = drip(web, head, drop)
    with pytest.raises(UrlUnreachable, match=r"within 0\.4 seconds"):
        fetcher(web, timeout_s=0.4).fetch(web.url())


def test_time_is_for_all_hops_together(web):
    """Redirects share the time: three slow hops do not get three times as much."""

    def slowly(connection: socket.socket) -> None:
        web.stopping.wait(0.25)
        connection.sendall(redirect("/"))

    web.answers["/"] = slowly
    with pytest.raises(UrlUnreachable, match="within"):
        fetcher(web, timeout_s=0.6).fetch(web.url())
    assert len(web.requests) <= 3


def test_a_resolver_that_hangs(web):
    """A name service that does not answer counts against the time as well."""

    def hanging(host: str, port: int) -> Sequence[Address]:
        web.stopping.wait(5)
        return []

    with pytest.raises(UrlUnreachable, match="within"):
        fetcher(web, resolve=hanging, timeout_s=0.2).fetch(web.url())


# ---- TLS --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_web(authority) -> Iterator[Web]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pictures.test").configure_cert(context)
    with serving(context) as running:
        yield running


def trusting(authority: trustme.CA) -> Callable[[], ssl.SSLContext]:
    def context() -> ssl.SSLContext:
        made = ssl.create_default_context()
        authority.configure_trust(made)
        return made

    return context


def test_tls_names_the_host_and_checks_its_certificate(secure_web, authority):
    """Though the connection goes to an address, SNI, Host and certificate are the name's."""
    names: list[str | None] = []
    secure_web.tls.sni_callback = lambda _, name, __: names.append(name)
    secure_web.answers["/"] = response(PICTURE)
    secure = fetcher(secure_web, tls=trusting(authority))
    assert secure.fetch(secure_web.url()) == PICTURE
    assert names == ["pictures.test"]
    assert f"Host: pictures.test:{secure_web.port}" in secure_web.requests[0]


def test_certificates_of_others_are_refused(secure_web, authority):
    """A certificate of another name, or of nobody we trust, ends the fetch before the request."""
    with pytest.raises(UrlUnreachable, match="certificate"):
        fetcher(secure_web, tls=trusting(authority)).fetch(secure_web.url(host="cdn.test"))
    with pytest.raises(UrlUnreachable, match="certificate"):
        fetcher(secure_web).fetch(secure_web.url())
    assert secure_web.requests == []


def test_a_handshake_that_hangs(web):
    """A server that never shakes hands is cut off like any other."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        quick = fetcher(web, ports=frozenset({port}), timeout_s=0.3)
        with pytest.raises(UrlUnreachable, match="within"):
            quick.fetch(f"https://pictures.test:{port}/")


def test_tls_that_drips(secure_web, authority):
    """Time runs over TLS as well."""
    secure_web.answers["/"] = drip(secure_web, response(b""), b"x")
    with pytest.raises(UrlUnreachable, match="within"):
        fetcher(secure_web, tls=trusting(authority), timeout_s=0.5).fetch(secure_web.url())
