"""Small servers that tests stand up for `linnet` to meet, each in a thread of its own: a proxy for
CONNECT, and whatever handler a test brings."""

import base64
import contextlib
import http.server
import select
import socket
import subprocess
import threading


def certificate(folder, name):
    """(certificate, key): signed by itself, for 127.0.0.1."""
    files = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout",
                    files[1]], check=True, capture_output=True)
    return files


@contextlib.contextmanager
def served(handler, context=None):
    """The handler's server on a `port` of its own, by https when there is a TLS `context`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="application/json", headers=()):
        self.send_response(status)
        for name, value in (*headers, ("Content-Type", kind), ("Content-Length", len(body))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


def proxy_to(target, user=None):
    """A handler that answers CONNECT, whatever host is asked for, with a way to `target`
    ("host:port"), and to nobody but the `user` ("name:password") when there is one. Its `asked`
    are the hosts so far."""
    host, port = target.split(":")
    wanted = user and "Basic " + base64.b64encode(user.encode()).decode()

    class Proxy(Quiet):
        asked = []

        def do_CONNECT(self):
            if wanted and self.headers.get("Proxy-Authorization") != wanted:
                self.answer(407, headers=[("Proxy-Authenticate", "Basic")])
                return
            self.asked.append(self.path)
            with socket.create_connection((host, int(port)), timeout=10) as there:
                self.send_response(200)
                self.end_headers()
                relay(self.connection, there)
            self.close_connection = True
    return Proxy


def relay(one, other):
    """Until either side closes."""
    while True:
        for ready in select.select([one, other], [], [])[0]:
            try:
                data = ready.recv(1 << 16)
                (other if ready is one else one).sendall(data)
            except OSError:
                return
            if not data:
                return
