# SPDX-License-Identifier: MIT
"""A file that a machine fetches from its host by QEMU's user network, in which 10.0.2.2 is the host's
loopback."""
import contextlib
import hashlib
import http.server
import os
import threading

HOST = "10.0.2.2"  # as the machine sees it


class _Handler(http.server.BaseHTTPRequestHandler):
    content = b""

    def do_GET(self):  # noqa: N802 - the library's name
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the machine was stopped: its test says why
            self.wfile.write(self.content)

    def log_message(self, *_):  # the console is the test's
        pass


class WebFile:
    """Random bytes, served on the host's loopback: url for the machine, and their sha256."""

    def __init__(self, size):
        content = os.urandom(size)
        self.size, self.sha256 = size, hashlib.sha256(content).hexdigest()
        handler = type("Handler", (_Handler,), {"content": content})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
