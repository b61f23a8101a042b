"""peer.py is pycapnp under measurement: peer.py serve ADDRESS | peer.py load.

The conversation is that of package peer beside bench/rpc.
"""

import asyncio
import json
import os
import resource
import socket
import sys
import time

import capnp

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
testservice = capnp.load(
    os.path.join(ROOT, "interop", "testservice", "testservice.capnp"),
    imports=[os.path.join(ROOT, "capnp", "schemas")],
)


def processor_time():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def say(text):
    print(text, flush=True)


class ProbeServer(testservice.Probe.Server):
    def __init__(self):
        self.bytes = self.chunks = self.tickets = 0

    async def echo(self, data, **_):
        return data

    async def callBack(self, sink, count, size, **_):
        data = bytes(size)
        calls = [sink.push(sequence=i, data=data) for i in range(count)]
        return sum([(await call).accepted for call in calls])

    async def write(self, chunk, **_):
        self.bytes += len(chunk)
        self.chunks += 1

    async def written(self, **_):
        counts = (self.bytes, self.chunks)
        self.bytes = self.chunks = 0
        return counts

    async def ticket(self, **_):
        self.tickets += 1
        return self.tickets - 1

    async def fresh(self, **_):
        return ProbeServer()


# "self" is a word of Python's, too: the method has to be named from outside.
async def return_self(server, **_):
    return server


setattr(ProbeServer, "self", return_self)


class Counter(testservice.Sink.Server):
    def __init__(self):
        self.pushed = 0

    async def push(self, data, **_):
        self.pushed += 1
        return len(data)


async def connect(address):
    if address.startswith("unix:"):
        return await capnp.AsyncIoStream.create_unix_connection(path=address[len("unix:"):])
    host, port = address.rsplit(":", 1)
    return await capnp.AsyncIoStream.create_connection(host=host, port=int(port))


class Calls:
    """A connection and its first capability."""

    def __init__(self, job):
        self.job = job
        self.data = bytes(job["size"])

    async def open(self):
        self.client = capnp.TwoPartyClient(await connect(self.job["address"]))
        self.probe = self.client.bootstrap().cast_as(testservice.Probe)
        return self

    async def echo(self):
        result = await self.probe.echo(data=self.data)
        if len(result.data) != len(self.data):
            raise AssertionError("echo of another size")

    async def flight(self, n):
        left = n

        async def lane():
            nonlocal left
            while left > 0:
                left -= 1
                await self.echo()

        width = self.job["inflight"]
        if width == 1:
            await lane()
        else:
            await asyncio.gather(*(lane() for _ in range(width)))

    async def chain(self, n):
        for _ in range(n):
            link = self.probe
            for _ in range(self.job["depth"] - 1):
                link = getattr(getattr(link, "self")(), "self")
            await getattr(link, "self")()

    async def stream(self, n):
        for _ in range(n):
            await self.probe.write(chunk=self.data)
        written = await self.probe.written()
        if (written.chunks, written.bytes) != (n, n * len(self.data)):
            raise AssertionError("chunks were lost: %d, %d bytes" % (written.chunks, written.bytes))

    async def callback(self, n):
        pushed = 0
        for _ in range(n):
            counter = Counter()
            await self.probe.callBack(sink=counter, count=1, size=0)
            pushed += counter.pushed
        if pushed != n:
            raise AssertionError("%d calls back, want %d" % (pushed, n))

    async def returned(self, n):
        for _ in range(n):
            fresh = (await self.probe.fresh()).probe
            if (await fresh.ticket()).number != 0:
                raise AssertionError("not a new object")

    def close(self):
        self.probe = None
        self.client.close()


class Idle:
    """Opens connections, makes one call on each, and keeps them."""

    def __init__(self, job):
        self.job = job
        self.all = []

    async def idle(self, n):
        for _ in range(n):
            calls = await Calls(self.job).open()
            self.all.append(calls)
            await calls.echo()

    def close(self):
        for calls in self.all:
            calls.close()


def parse(line):
    words = line.split()
    job = {"mode": words[0], "address": words[1], "inflight": 1, "depth": 1, "size": 0, "conns": 1, "seconds": 0.1, "warm": 0.02}
    for key, value in zip(words[2::2], words[3::2]):
        job[key] = type(job[key])(value)
    return job


async def warm(run, job):
    n = max(1, job["inflight"])
    while True:
        start = time.perf_counter()
        await run(n)
        taken = time.perf_counter() - start
        if taken >= job["warm"]:
            return max(int(n * job["seconds"] / taken), job["inflight"], 1)
        n = max(4, int(n * min(8, max(1.5, 1.2 * job["warm"] / taken))))


def expect(want):
    got = sys.stdin.readline().strip()
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))


async def load():
    say("library pycapnp %s" % capnp.__version__)
    for line in sys.stdin:
        job = parse(line)
        mode = job["mode"]
        if mode == "idle":
            work = Idle(job)
        elif mode == "flight" and job["conns"] > 1:
            say("unsupported")
            continue
        elif mode in ("flight", "chain", "stream", "callback", "returned"):
            work = await Calls(job).open()
        else:
            say("unsupported")
            continue
        run = getattr(work, mode)
        calls = job["conns"] if mode == "idle" else await warm(run, job)
        say("ready %d" % calls)
        expect("go")
        cpu, start = processor_time(), time.perf_counter()
        await run(calls)
        taken = time.perf_counter() - start
        say(json.dumps({"calls": calls, "seconds": taken, "cpu": processor_time() - cpu, "mallocs": -1, "check": 0}))
        expect("close")
        work.close()
        say("closed")


async def serve(address):
    async def session(stream):
        await capnp.TwoPartyServer(stream, bootstrap=ProbeServer()).on_disconnect()

    shown = address
    if address.startswith("unix:"):
        server = await capnp.AsyncIoStream.create_unix_server(session, path=address[len("unix:"):])
    else:
        host, port = address.rsplit(":", 1)
        server = await capnp.AsyncIoStream.create_server(session, host=host, port=int(port), family=socket.AF_INET)
        shown = "%s:%d" % (host, server.sockets[0].getsockname()[1])
    say("listening on " + shown)

    ended = asyncio.Event()

    def answer():
        words = os.read(0, 256)
        if not words:
            ended.set()
        for _ in range(words.count(b"\n")):
            say(json.dumps({"cpu": processor_time(), "mallocs": -1, "heap": 0}))

    asyncio.get_running_loop().add_reader(0, answer)
    await ended.wait()
    server.close()
    os._exit(0)  # connections that are still open need no ceremony


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "serve":
        asyncio.run(capnp.run(serve(sys.argv[2])))
    elif len(sys.argv) == 2 and sys.argv[1] == "load":
        asyncio.run(capnp.run(load()))
    else:
        sys.exit("usage: peer.py serve ADDRESS | load")


if __name__ == "__main__":
    main()
