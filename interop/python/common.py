"""What the Python peers share: addresses, the time limit, the schema."""

import os
import socket
import ssl
import threading

import capnp

HERE = os.path.dirname(os.path.abspath(__file__))


def load_calculator(path=None):
    """Loads calculator.capnp; `path` beats the copy beside the Go service."""
    path = path or os.path.join(HERE, "..", "..", "service", "calculator", "calculator.capnp")
    schemas = os.path.join(HERE, "..", "..", "capnp", "schemas")
    return capnp.load(os.path.normpath(path), imports=[os.path.normpath(schemas)])


def limit_time(seconds):
    """Ends the process with status 3 when it still runs after so many seconds."""
    if not seconds:
        return

    def end():
        os.write(2, b"time limit reached\n")
        os._exit(3)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


async def connect(address, trusted=None):
    """Opens a stream to HOST:PORT or unix:PATH; `trusted` are the certificates of TLS servers."""
    if address.startswith("unix:"):
        return await capnp.AsyncIoStream.create_unix_connection(path=address[len("unix:"):])
    host, port = address.rsplit(":", 1)
    return await capnp.AsyncIoStream.create_connection(
        host=host, port=int(port), ssl=trusted and ssl.create_default_context(cafile=trusted)
    )


async def listen(address, on_connection, certificate=None):
    """Listens on HOST:PORT or unix:PATH and says so on standard output; with a certificate, and
    its key in the same file, it speaks TLS."""
    if address.startswith("unix:"):
        path = address[len("unix:"):]
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        server = await capnp.AsyncIoStream.create_unix_server(on_connection, path=path)
        shown = address
    else:
        host, port = address.rsplit(":", 1)
        context = None
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
        server = await capnp.AsyncIoStream.create_server(
            on_connection, host=host, port=int(port), family=socket.AF_INET, ssl=context
        )
        shown = "%s:%d" % (host, server.sockets[0].getsockname()[1])
    print("listening on " + shown, flush=True)
    return server
