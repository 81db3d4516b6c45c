"""An HTTP server on this machine that sends files, also as broken servers do."""

import hashlib
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Served:
    """What the server has, and what it was asked.

    Attributes:
        files: Content by path, such as "/a.zip".
        breaks: For a path: how many bytes each of the next answers sends before it breaks off.
        pages: Paths that answer with a web page and status 200.
        status: For a path: the status of its answers.
        ranges: Whether the server knows Range.
        asked: Path and Range of each request.
    """

    def __init__(self):
        self.files, self.breaks, self.pages, self.status = {}, {}, set(), {}
        self.ranges, self.asked = True, []
        self.address = ""

    def url(self, path):
        return f"{self.address}{path}"


def _handler(served):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_GET(self):
            served.asked.append((self.path, self.headers.get("Range")))
            if self.path in served.pages:
                return self._answer(200, b"<!DOCTYPE html><p>Please log in", kind="text/html")
            if self.path in served.status:
                return self._answer(served.status[self.path], b"no")
            data = served.files.get(self.path)
            if data is None:
                return self._answer(404, b"no")
            tag = '"' + hashlib.sha256(data).hexdigest()[:16] + '"'
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
            same = self.headers.get("If-Range") in (None, tag)
            if wanted and same and served.ranges:
                start = int(wanted[1])
                if start >= len(data):
                    return self._answer(416, b"")
                about = f"bytes {start}-{len(data) - 1}/{len(data)}"
                return self._answer(206, data[start:], tag, about)
            return self._answer(200, data, tag)

        def _answer(self, status, data, tag="", part="", kind="application/octet-stream"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if tag:
                self.send_header("ETag", tag)
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            breaks = served.breaks.get(self.path) or []
            if status < 300 and breaks:
                self.wfile.write(data[: breaks.pop(0)])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            self.wfile.write(data)

    return Handler


@contextmanager
def file_server():
    """Yields a Served. The server listens on 127.0.0.1 within the block."""
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
