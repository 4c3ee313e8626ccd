"""Stands between a `linnet` under measurement and the API server, and writes down every request: a
program of its own, so that it is on time while the benchmark is busy. It speaks plain HTTP to
linnet and TLS to the server, passes everything on as it is, and prints its port once it listens.
`counting_proxy.py HOST:PORT AUTHORITY LOG`: the file of the certificate authority, and where to
write, one JSON document a line."""

import asyncio
import json
import re
import ssl
import sys
import time

LONGEST_HEAD = 1 << 20
KEPT_OF_A_BODY = 2000  # enough to see a weight in it


class Passage:
    """One connection of linnet's and the one to the server that belongs to it. Requests come one
    after the other; the answer's first bytes after a request are its answer."""

    def __init__(self, log):
        self.log = log
        self.open = None  # the request that waits for its answer

    async def forward(self, reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(found[1])) if found else b""
            method, path = head.split(b" ", 2)[:2]
            self.open = {"at": time.time(), "method": method.decode(), "path": path.decode(),
                         "body": body[:KEPT_OF_A_BODY].decode(errors="replace")}
            writer.write(head + body)
            await writer.drain()

    async def backward(self, reader, writer):
        while chunk := await reader.read(1 << 16):
            if self.open is not None:
                done, self.open = self.open, None
                done["answered"] = time.time()
                done["status"] = int(chunk.split(b" ", 2)[1])
                self.log.write(json.dumps(done) + "\n")
            writer.write(chunk)
            await writer.drain()


async def serve(server, authority, log):
    host, port = server.split(":")
    context = ssl.create_default_context(cafile=authority)

    async def connected(reader, writer):
        up_reader, up_writer = await asyncio.open_connection(host, int(port), ssl=context)
        passage = Passage(log)
        ways = [asyncio.ensure_future(passage.forward(reader, up_writer)),
                asyncio.ensure_future(passage.backward(up_reader, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, up_writer):
            end.close()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, limit=LONGEST_HEAD)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


if __name__ == "__main__":
    with open(sys.argv[3], "a", buffering=1, encoding="utf-8") as file:
        asyncio.run(serve(sys.argv[1], sys.argv[2], file))
