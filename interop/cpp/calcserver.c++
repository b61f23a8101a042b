// calcserver serves the calculator: calcserver 127.0.0.1:0 | unix:PATH
#include "calculator.capnp.h"
#include "peer.h"

#include <capnp/message.h>

namespace {

using Expression = Calculator::Expression;
using Arguments = capnp::List<double>::Reader;

// Evaluates an expression; `args` are those of the function it is the body of.
kj::Promise<double> evaluate(Expression::Reader expr, Arguments args) {
  switch (expr.which()) {
    case Expression::LITERAL:
      return expr.getLiteral();
    case Expression::PARAMETER:
      KJ_REQUIRE(expr.getParameter() < args.size(), "no such parameter", expr.getParameter());
      return args[expr.getParameter()];
    case Expression::PREVIOUS_RESULT:
      return expr.getPreviousResult().readRequest().send().then(
          [](auto&& result) { return result.getValue(); });
    case Expression::CALL: {
      auto pending = kj::heapArrayBuilder<kj::Promise<double>>(expr.getCall().getParams().size());
      for (auto param : expr.getCall().getParams()) pending.add(evaluate(param, args));
      auto function = expr.getCall().getFunction();
      return kj::joinPromises(pending.finish())
          .then([function = kj::mv(function)](kj::Array<double> values) mutable {
            auto request = function.callRequest();
            request.setParams(values);
            return request.send().then([](auto&& result) { return result.getValue(); });
          });
    }
  }
  KJ_FAIL_REQUIRE("unknown kind of expression", static_cast<unsigned>(expr.which()));
}

struct Number final : public Calculator::Value::Server {
  explicit Number(double number) : number(number) {}

  kj::Promise<void> read(ReadContext call) override {
    call.getResults().setValue(number);
    return kj::READY_NOW;
  }

  const double number;
};

struct Arithmetic final : public Calculator::Function::Server {
  explicit Arithmetic(Calculator::Operator op) : op(op) {}

  kj::Promise<void> call(CallContext call) override {
    auto p = call.getParams().getParams();
    KJ_REQUIRE(p.size() == 2, "an operator takes two parameters", p.size());
    call.getResults().setValue(apply(p[0], p[1]));
    return kj::READY_NOW;
  }

  double apply(double a, double b) const {
    switch (op) {
      case Calculator::Operator::ADD: return a + b;
      case Calculator::Operator::SUBTRACT: return a - b;
      case Calculator::Operator::MULTIPLY: return a * b;
      case Calculator::Operator::DIVIDE: return a / b;
    }
    KJ_FAIL_REQUIRE("unknown operator", static_cast<unsigned>(op));
  }

  const Calculator::Operator op;
};

struct Defined final : public Calculator::Function::Server {
  Defined(size_t arity, Expression::Reader body) : arity(arity) { kept.setRoot(body); }

  kj::Promise<void> call(CallContext call) override {
    auto args = call.getParams().getParams();
    KJ_REQUIRE(args.size() == arity, "wrong number of parameters", args.size(), arity);
    return evaluate(kept.getRoot<Expression>(), args).then([call](double value) mutable {
      call.getResults().setValue(value);
    });
  }

  const size_t arity;
  capnp::MallocMessageBuilder kept;  // the body, and with it the capabilities in it
};

struct Desk final : public Calculator::Server {
  kj::Promise<void> evaluate(EvaluateContext call) override {
    return ::evaluate(call.getParams().getExpression(), Arguments())
        .then([call](double value) mutable {
          call.getResults().setValue(kj::heap<Number>(value));
        });
  }

  kj::Promise<void> defFunction(DefFunctionContext call) override {
    auto p = call.getParams();
    KJ_REQUIRE(p.getParamCount() >= 0, "negative number of parameters", p.getParamCount());
    call.getResults().setFunc(kj::heap<Defined>(p.getParamCount(), p.getBody()));
    return kj::READY_NOW;
  }

  kj::Promise<void> getOperator(GetOperatorContext call) override {
    call.getResults().setFunc(kj::heap<Arithmetic>(call.getParams().getOp()));
    return kj::READY_NOW;
  }
};

}  // namespace

int main(int argc, char** argv) {
  peer::Args args(argc, argv, {{"timeout", "0"}});
  peer::limitTime(args.number("timeout"));
  return peer::serve(args.address(), kj::heap<Desk>());
}
