// calcclient checks a calculator server step by step:
// calcclient ADDRESS [--repeat N] [--timeout SECONDS]
// Every repetition is a new connection. It prints a line for each step (of the
// first repetition) and exits 0, 1 (a step failed) or 3 (time limit).
#include "calculator.capnp.h"
#include "peer.h"

#include <math.h>

namespace {

using Expression = Calculator::Expression;
using Function = Calculator::Function::Client;

// A step's view of the connection.
struct Session {
  Calculator::Client calc;
  kj::WaitScope& scope;

  // The operator, not waited for: what is returned is a promise.
  Function op(Calculator::Operator which) {
    auto request = calc.getOperatorRequest();
    request.setOp(which);
    return request.send().getFunc();
  }
  Function add() { return op(Calculator::Operator::ADD); }
  Function subtract() { return op(Calculator::Operator::SUBTRACT); }
  Function multiply() { return op(Calculator::Operator::MULTIPLY); }
  Function divide() { return op(Calculator::Operator::DIVIDE); }

  template <typename Value>
  double read(Value&& value) {
    return value.readRequest().send().wait(scope).getValue();
  }
};

void check(double got, double want) {
  KJ_REQUIRE(got == want, "wrong value", got, want);
}

// Makes an expression a call and returns its parameters.
capnp::List<Expression>::Builder callOf(Expression::Builder expr, Function function, uint params) {
  auto call = expr.initCall();
  call.setFunction(kj::mv(function));
  return call.initParams(params);
}

void literal(Session& s) {
  auto request = s.calc.evaluateRequest();
  request.initExpression().setLiteral(123);
  check(s.read(request.send().getValue()), 123);
}

// 123 + 45 - 67 with two operators that have not arrived yet.
void addAndSubtract(Session& s) {
  auto add = s.add();
  auto subtract = s.subtract();
  auto request = s.calc.evaluateRequest();
  auto difference = callOf(request.initExpression(), subtract, 2);
  auto sum = callOf(difference[0], add, 2);
  sum[0].setLiteral(123);
  sum[1].setLiteral(45);
  difference[1].setLiteral(67);
  check(s.read(request.send().getValue()), 101);
}

// 4 * 6, then the promised value in two further expressions.
void resultUsedTwice(Session& s) {
  auto add = s.add();
  auto multiply = s.multiply();
  auto request = s.calc.evaluateRequest();
  auto factors = callOf(request.initExpression(), multiply, 2);
  factors[0].setLiteral(4);
  factors[1].setLiteral(6);
  auto product = request.send().getValue();

  auto plus = [&](double n) {
    auto more = s.calc.evaluateRequest();
    auto terms = callOf(more.initExpression(), add, 2);
    terms[0].setPreviousResult(product);
    terms[1].setLiteral(n);
    return more.send().getValue().readRequest().send();
  };
  auto plus3 = plus(3);
  auto plus5 = plus(5);
  check(plus3.wait(s.scope).getValue(), 27);
  check(plus5.wait(s.scope).getValue(), 29);
}

// f(x, y) = x * 100 + y and g(x) = f(x, x + 1) * 2, then f(12, 34) and g(21).
void definedFunctions(Session& s) {
  auto add = s.add();
  auto multiply = s.multiply();

  auto defineF = s.calc.defFunctionRequest();
  defineF.setParamCount(2);
  {
    auto sum = callOf(defineF.initBody(), add, 2);
    auto product = callOf(sum[0], multiply, 2);
    product[0].setParameter(0);
    product[1].setLiteral(100);
    sum[1].setParameter(1);
  }
  auto f = defineF.send().getFunc();

  auto defineG = s.calc.defFunctionRequest();
  defineG.setParamCount(1);
  {
    auto product = callOf(defineG.initBody(), multiply, 2);
    auto inner = callOf(product[0], f, 2);
    inner[0].setParameter(0);
    auto next = callOf(inner[1], add, 2);
    next[0].setParameter(0);
    next[1].setLiteral(1);
    product[1].setLiteral(2);
  }
  auto g = defineG.send().getFunc();

  auto evalF = s.calc.evaluateRequest();
  auto argsF = callOf(evalF.initExpression(), f, 2);
  argsF[0].setLiteral(12);
  argsF[1].setLiteral(34);
  auto readF = evalF.send().getValue().readRequest().send();

  auto evalG = s.calc.evaluateRequest();
  callOf(evalG.initExpression(), g, 1)[0].setLiteral(21);
  auto readG = evalG.send().getValue().readRequest().send();

  check(readF.wait(s.scope).getValue(), 1234);
  check(readG.wait(s.scope).getValue(), 4244);
}

struct Power final : public Calculator::Function::Server {
  explicit Power(int& calls) : calls(calls) {}

  kj::Promise<void> call(CallContext call) override {
    auto p = call.getParams().getParams();
    KJ_REQUIRE(p.size() == 2, "pow takes two parameters", p.size());
    calls++;
    call.getResults().setValue(pow(p[0], p[1]));
    return kj::READY_NOW;
  }

  int& calls;
};

// 2 ^ (4 + 5), where the power is ours: the server calls us back.
void hostedFunction(Session& s) {
  int calls = 0;
  auto add = s.add();
  auto request = s.calc.evaluateRequest();
  auto power = callOf(request.initExpression(), kj::heap<Power>(calls), 2);
  power[0].setLiteral(2);
  auto exponent = callOf(power[1], add, 2);
  exponent[0].setLiteral(4);
  exponent[1].setLiteral(5);
  check(s.read(request.send().getValue()), 512);
  KJ_REQUIRE(calls == 1, "calls back", calls);
}

// Calls an operator as an object of its own; division by zero is IEEE's.
void directCalls(Session& s) {
  auto divide = s.divide();
  auto apply = [&](double a, double b) {
    auto request = divide.callRequest();
    auto params = request.initParams(2);
    params.set(0, a);
    params.set(1, b);
    return request.send();
  };
  auto quotient = apply(1, 4);
  auto infinite = apply(1, 0);
  check(quotient.wait(s.scope).getValue(), 0.25);
  check(infinite.wait(s.scope).getValue(), HUGE_VAL);
}

// A wrong number of parameters is an exception for that call and nothing else.
void wrongArity(Session& s) {
  auto add = s.add();
  auto request = add.callRequest();
  request.initParams(3);
  auto failure = kj::runCatchingExceptions([&]() { request.send().wait(s.scope); });
  KJ_IF_MAYBE(e, failure) {
    KJ_REQUIRE(e->getType() == kj::Exception::Type::FAILED, "wrong kind of exception", *e);
  } else {
    KJ_FAIL_REQUIRE("three parameters were accepted");
  }
  literal(s);
}

struct Step {
  const char* name;
  void (*run)(Session&);
};

constexpr Step STEPS[] = {
    {"literal", literal},
    {"add and subtract", addAndSubtract},
    {"one result used twice", resultUsedTwice},
    {"two defined functions", definedFunctions},
    {"client-hosted function", hostedFunction},
    {"direct calls", directCalls},
    {"wrong arity", wrongArity},
};

}  // namespace

int main(int argc, char** argv) {
  peer::Args args(argc, argv, {{"repeat", "1"}, {"timeout", "60"}});
  peer::limitTime(args.number("timeout"));
  uint64_t repeat = args.number("repeat");
  return peer::run([&](kj::AsyncIoContext& io) {
    for (uint64_t i = 0; i < repeat; i++) {
      peer::Connection connection(io, args.address());
      Session session{connection.bootstrap<Calculator>(), io.waitScope};
      for (auto& step : STEPS) {
        KJ_CONTEXT("step", step.name, i);
        step.run(session);
        if (i == 0) printf("ok %s\n", step.name), fflush(stdout);
      }
    }
    printf("done %llu\n", static_cast<unsigned long long>(repeat));
  });
}
