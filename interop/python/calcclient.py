"""calcclient.py checks a calculator server step by step:

calcclient.py ADDRESS [--repeat N] [--timeout SECONDS] [--tls FILE]

Every repetition is a new connection. It prints a line for each step (of the
first repetition) and exits 0, 1 (a step failed) or 3 (time limit).
"""

import argparse
import asyncio
import math
import sys
import traceback

import capnp

import common


def check(got, want):
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))


def call_of(expr, function, count):
    """Makes an expression a call and returns its parameters."""
    call = expr.init("call")
    call.function = function
    return call.init("params", count)


async def read(value):
    return (await value.read()).value


async def literal(calc, _):
    check(await read(calc.evaluate({"literal": 123}).value), 123)


async def add_and_subtract(calc, _):
    """123 + 45 - 67 with two operators that have not arrived yet."""
    add = calc.getOperator(op="add").func
    subtract = calc.getOperator(op="subtract").func
    request = calc.evaluate_request()
    difference = call_of(request.init("expression"), subtract, 2)
    total = call_of(difference[0], add, 2)
    total[0].literal = 123
    total[1].literal = 45
    difference[1].literal = 67
    check(await read(request.send().value), 101)


async def result_used_twice(calc, _):
    """4 * 6, then the promised value in two further expressions."""
    add = calc.getOperator(op="add").func
    multiply = calc.getOperator(op="multiply").func
    request = calc.evaluate_request()
    factors = call_of(request.init("expression"), multiply, 2)
    factors[0].literal = 4
    factors[1].literal = 6
    product = request.send().value

    def plus(number):
        more = calc.evaluate_request()
        terms = call_of(more.init("expression"), add, 2)
        terms[0].previousResult = product
        terms[1].literal = number
        return more.send().value.read()

    plus3, plus5 = plus(3), plus(5)
    check((await plus3).value, 27)
    check((await plus5).value, 29)


async def defined_functions(calc, _):
    """f(x, y) = x * 100 + y; g(x) = f(x, x + 1) * 2; f(12, 34) and g(21)."""
    add = calc.getOperator(op="add").func
    multiply = calc.getOperator(op="multiply").func

    define_f = calc.defFunction_request()
    define_f.paramCount = 2
    total = call_of(define_f.init("body"), add, 2)
    product = call_of(total[0], multiply, 2)
    product[0].parameter = 0
    product[1].literal = 100
    total[1].parameter = 1
    f = define_f.send().func

    define_g = calc.defFunction_request()
    define_g.paramCount = 1
    product = call_of(define_g.init("body"), multiply, 2)
    inner = call_of(product[0], f, 2)
    inner[0].parameter = 0
    following = call_of(inner[1], add, 2)
    following[0].parameter = 0
    following[1].literal = 1
    product[1].literal = 2
    g = define_g.send().func

    def apply(function, *numbers):
        request = calc.evaluate_request()
        params = call_of(request.init("expression"), function, len(numbers))
        for i, number in enumerate(numbers):
            params[i].literal = number
        return request.send().value.read()

    of_f, of_g = apply(f, 12, 34), apply(g, 21)
    check((await of_f).value, 1234)
    check((await of_g).value, 4244)


async def hosted_function(calc, schema):
    """2 ^ (4 + 5), where the power is ours: the server calls us back."""
    calls = []

    class Power(schema.Function.Server):
        async def call(self, params, **_):
            calls.append(len(params))
            return math.pow(params[0], params[1])

    add = calc.getOperator(op="add").func
    request = calc.evaluate_request()
    power = call_of(request.init("expression"), Power(), 2)
    power[0].literal = 2
    exponent = call_of(power[1], add, 2)
    exponent[0].literal = 4
    exponent[1].literal = 5
    check(await read(request.send().value), 512)
    check(calls, [2])


async def direct_calls(calc, _):
    """Calls an operator as an object of its own; x / 0 is IEEE's."""
    divide = calc.getOperator(op="divide").func
    quotient, infinite = divide.call([1, 4]), divide.call([1, 0])
    check((await quotient).value, 0.25)
    check((await infinite).value, math.inf)


async def wrong_arity(calc, schema):
    """A wrong number of parameters is an exception for that call alone."""
    add = calc.getOperator(op="add").func
    try:
        await add.call([1, 2, 3])
    except capnp.KjException as e:
        check(e.type, "FAILED")
    else:
        raise AssertionError("three parameters were accepted")
    await literal(calc, schema)


STEPS = [
    ("literal", literal),
    ("add and subtract", add_and_subtract),
    ("one result used twice", result_used_twice),
    ("two defined functions", defined_functions),
    ("client-hosted function", hosted_function),
    ("direct calls", direct_calls),
    ("wrong arity", wrong_arity),
]


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="HOST:PORT or unix:PATH")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=60, help="seconds")
    parser.add_argument("--schema", help="calculator.capnp")
    parser.add_argument("--tls", help="speak TLS; trust the certificates in this file")
    options = parser.parse_args()
    common.limit_time(options.timeout)
    schema = common.load_calculator(options.schema).Calculator

    for i in range(options.repeat):
        stream = await common.connect(options.address, options.tls)
        client = capnp.TwoPartyClient(stream)
        calc = client.bootstrap().cast_as(schema)
        for name, step in STEPS:
            try:
                await step(calc, schema)
            except Exception:
                print("failed: step %s, repetition %d" % (name, i), file=sys.stderr)
                traceback.print_exc()
                return 1
            if i == 0:
                print("ok " + name, flush=True)
        del calc, client
        stream.close()
    print("done %d" % options.repeat)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(capnp.run(main())))
