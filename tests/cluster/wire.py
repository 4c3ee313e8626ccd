"""A wire to a server that can be cut or made slow: a relay of bytes with a port of its own, as a
program, so that it is on time while the test waits for something."""

import asyncio
import signal
import subprocess
import sys


class Wire:
    """`with Wire("127.0.0.1:6443") as wire`: `wire.port` leads there. `cut()` breaks all
    connections, and new ones are taken again; after `slow()` each answer comes `late` s late."""

    def __init__(self, target, late=2):
        self._process = subprocess.Popen([sys.executable, __file__, target, str(late)], text=True,
                                         stdout=subprocess.PIPE)
        self.port = int(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    def cut(self):
        self._process.send_signal(signal.SIGUSR1)

    def slow(self):
        self._process.send_signal(signal.SIGUSR2)


async def relay(target, lateness):
    host, port = target.split(":")
    open_now, late = set(), 0

    async def pass_on(reader, writer, waits):
        while chunk := await reader.read(1 << 16):
            await asyncio.sleep(late if waits else 0)
            writer.write(chunk)
            await writer.drain()

    async def connected(reader, writer):
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        ways = [asyncio.ensure_future(pass_on(reader, up_writer, False)),
                asyncio.ensure_future(pass_on(up_reader, writer, True))]
        open_now.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        open_now.difference_update(ways)
        writer.close()
        up_writer.close()

    def cut():
        for way in open_now:
            way.cancel()

    def slow():
        nonlocal late
        late = lateness

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, cut)
    loop.add_signal_handler(signal.SIGUSR2, slow)
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], float(sys.argv[2])))
