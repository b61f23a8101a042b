"""heldclient.py holds a calculator and does what it is told on standard input, a line each:

heldclient.py ADDRESS            the calculator is what everybody gets there
heldclient.py --reference FILE   it is what the reference in the file names, over TLS

  evaluate N   evaluates a number and reads it
  operator     adds 1 and 2 with the add operator
  define       defines a function

It prints "ok RESULT", or the kind of the exception and its text.
"""

import argparse
import asyncio
import base64
import hashlib
import os
import ssl
import sys
import urllib.parse

import capnp

import common

ROOT = os.path.normpath(os.path.join(common.HERE, "..", ".."))  # as common: a schema has one path


def elements(der):
    """Yields the elements of a DER sequence's content: tag, the whole, the content."""
    at = 0
    while at < len(der):
        begin, tag, length = at, der[at], der[at + 1]
        at += 2
        if length >= 0x80:
            n = length - 0x80
            length = int.from_bytes(der[at:at + n], "big")
            at += n
        yield tag, der[begin:at + length], der[at:at + length]
        at += length


def fingerprint(certificate):
    """SHA-256 of a certificate's SubjectPublicKeyInfo: what references name."""
    whole = next(elements(certificate))[2]
    fields = list(elements(next(elements(whole))[2]))  # of TBSCertificate
    if fields[0][0] == 0xA0:  # the version is optional
        fields = fields[1:]
    return hashlib.sha256(fields[5][1]).digest()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pinned(key):
    """Makes a TLS context for the one server that has a key."""

    class Pinned(ssl.SSLObject):
        def do_handshake(self):
            super().do_handshake()
            if fingerprint(self.getpeercert(binary_form=True)) != key:
                raise ssl.SSLError("another vat answers there")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the key is checked instead
    context.sslobject_class = Pinned
    return context


async def restore(path, schema):
    """Gets what the reference in a file names."""
    with open(path) as f:
        uri = urllib.parse.urlsplit(f.read().strip())
    who, where = uri.netloc.split("@")
    kind, key = who.split(":")
    assert uri.scheme == "capnp" and kind == "sha-256", "a reference of another kind"
    host, port = where.rsplit(":", 1)
    stream = await capnp.AsyncIoStream.create_connection(host=host, port=int(port), ssl=pinned(decode(key)))
    client = capnp.TwoPartyClient(stream)
    imports = [os.path.join(ROOT, "capnp", "schemas")]
    vat = capnp.load(os.path.join(ROOT, "vat", "vat.capnp"), imports=imports)
    restorer = client.bootstrap().cast_as(vat.Restorer)
    result = await restorer.restore(secret=decode(uri.path[1:]))
    return client, result.cap.as_interface(schema)


async def evaluate(calc, number):
    value = calc.evaluate({"literal": float(number)}).value
    return "%g" % (await value.read()).value


async def operator(calc):
    add = calc.getOperator(op="add").func
    return "%g" % (await add.call([1, 2])).value


async def define(calc):
    await calc.defFunction(paramCount=1, body={"parameter": 0})
    return "defined"


COMMANDS = {"evaluate": evaluate, "operator": operator, "define": define}


def said(error):
    return "%s %s" % (error.type.lower(), " ".join(error.description.split()))


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="?", help="HOST:PORT or unix:PATH")
    parser.add_argument("--reference", help="a file with a reference")
    parser.add_argument("--timeout", type=float, default=60, help="seconds")
    options = parser.parse_args()
    common.limit_time(options.timeout)
    schema = common.load_calculator().Calculator

    try:
        if options.reference:
            client, calc = await restore(options.reference, schema)
        else:
            client = capnp.TwoPartyClient(await common.connect(options.address))
            calc = client.bootstrap().cast_as(schema)
    except capnp.KjException as e:
        print(said(e), flush=True)
        return 0
    except ssl.SSLError as e:
        print("tls", e, flush=True)
        return 0
    loop = asyncio.get_running_loop()
    while True:
        line = (await loop.run_in_executor(None, sys.stdin.readline)).split()
        if not line:
            return 0
        try:
            print("ok", await COMMANDS[line[0]](calc, *line[1:]), flush=True)
        except capnp.KjException as e:
            print(said(e), flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(capnp.run(main())))
