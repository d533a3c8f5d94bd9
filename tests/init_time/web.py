"""Real certificates from the program openssl, and a real web server on this machine that answers as it is told."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from attrs import field, frozen

FORM = "%a, %d %b %Y %H:%M:%S GMT"


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.name = folder, name
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-days", "36500",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.key, "-out", self.certificate,
        )  # fmt: skip
        (folder / f"{name}.index").write_text("")
        (folder / f"{name}.cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/{name}.index\nnew_certs_dir={folder}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n"
        )

    def openssl(self, *words: str | Path) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)

    def server(self, name: str, begin: datetime, end: datetime) -> ssl.SSLContext:
        """What a server needs to be `name` from `begin` to `end`."""
        base = self.folder / f"{self.name}-{name}-{begin:%Y%m%d%H%M%S}-{end:%Y%m%d%H%M%S}"
        kind = "IP" if name[0].isdigit() else "DNS"
        self.openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName={kind}:{name}",
            "-keyout", f"{base}.key", "-out", f"{base}.csr",
        )  # fmt: skip
        self.openssl(
            "ca", "-batch", "-config", self.folder / f"{self.name}.cnf", "-cert", self.certificate, "-keyfile",
            self.key, "-in", f"{base}.csr", "-out", f"{base}.pem", "-notext",
            "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}",
        )  # fmt: skip
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(f"{base}.pem", f"{base}.key")
        return made


@frozen(kw_only=True)
class Reply:
    """How the server answers: status, Date headers, other headers; `pause` before the answer."""

    dates: tuple[str, ...] = ()
    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    pause: float = 0.0
    asked: list[str] = field(factory=list)
    """Method and target of every request that came."""


@contextmanager
def serve(reply: Reply, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on this machine; yields its port."""

    class Room(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            reply.asked.append(f"{self.command} {self.path}")
            time.sleep(reply.pause)
            self.wfile.write(f"HTTP/1.1 {reply.status} x\r\n".encode())
            for name, value in (*(("Date", date) for date in reply.dates), *reply.headers):
                self.wfile.write(f"{name}: {value}\r\n".encode())
            self.wfile.write(b"\r\n")

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that finds the certificate wrong hangs up."""

        def finish_request(self, request: socket.socket, address: object) -> None:
            if context is None:
                super().finish_request(request, address)
                return
            with context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, address)

        def shutdown_request(self, request: socket.socket) -> None:
            request.close()

    with Quiet(("127.0.0.1", 0), Room) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(10)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
