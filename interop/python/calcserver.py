"""calcserver.py serves the calculator: calcserver.py 127.0.0.1:0 | unix:PATH"""

import argparse
import asyncio
import math
import signal

import capnp

import common

Calculator = None  # the schema, loaded in main


def divide(a, b):
    """Division as IEEE 754 has it: Python alone would raise."""
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1, b)


OPERATORS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": divide,
}


async def evaluate(expr, args=()):
    """The value of an expression; `args` are those of the function around it."""
    kind = expr.which()
    if kind == "literal":
        return expr.literal
    if kind == "parameter":
        if expr.parameter >= len(args):
            raise ValueError("no parameter %d" % expr.parameter)
        return args[expr.parameter]
    if kind == "previousResult":
        return (await expr.previousResult.read()).value
    if kind == "call":
        function = expr.call.function
        values = await asyncio.gather(*(evaluate(p, args) for p in expr.call.params))
        return (await function.call(values)).value
    raise ValueError("unknown kind of expression")


def servers():
    """The server classes: they need the schema, which is known at run time."""

    class Number(Calculator.Value.Server):
        def __init__(self, number):
            self.number = number

        async def read(self, **_):
            return self.number

    class Arithmetic(Calculator.Function.Server):
        def __init__(self, op):
            self.op = op

        async def call(self, params, **_):
            if len(params) != 2:
                raise ValueError("an operator takes two parameters")
            return OPERATORS[self.op](params[0], params[1])

    class Defined(Calculator.Function.Server):
        def __init__(self, arity, body):
            self.arity = arity
            self.body = body.as_builder()  # a copy, with the capabilities in it

        async def call(self, params, **_):
            if len(params) != self.arity:
                raise ValueError("wrong number of parameters")
            return await evaluate(self.body, params)

    class Desk(Calculator.Server):
        async def evaluate(self, expression, **_):
            return Number(await evaluate(expression))

        async def defFunction(self, paramCount, body, **_):
            if paramCount < 0:
                raise ValueError("negative number of parameters")
            return Defined(paramCount, body)

        async def getOperator(self, op, **_):
            return Arithmetic(str(op))

    return Desk


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="HOST:PORT or unix:PATH")
    parser.add_argument("--timeout", type=float, default=0, help="seconds")
    parser.add_argument("--schema", help="calculator.capnp")
    parser.add_argument("--tls", help="speak TLS with the certificate and key in this file")
    options = parser.parse_args()
    common.limit_time(options.timeout)

    global Calculator
    Calculator = common.load_calculator(options.schema).Calculator
    desk = servers()

    async def serve(stream):
        await capnp.TwoPartyServer(stream, bootstrap=desk()).on_disconnect()

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = await common.listen(options.address, serve, options.tls)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(capnp.run(main()))
