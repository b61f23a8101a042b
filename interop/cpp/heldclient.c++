// heldclient holds a calculator and does what it is told on standard input, a line each:
//
//   heldclient ADDRESS [--timeout SECONDS]
//
//   evaluate N   evaluates a number and reads it
//   operator     adds 1 and 2 with the add operator
//   define       defines a function
//
// It prints "ok RESULT", or the kind of the exception and its text.
#include "calculator.capnp.h"
#include "peer.h"

#include <iostream>
#include <sstream>

namespace {

void evaluate(Calculator::Client& calc, double number, kj::WaitScope& scope) {
  auto request = calc.evaluateRequest();
  request.initExpression().setLiteral(number);
  double got = request.send().getValue().readRequest().send().wait(scope).getValue();
  printf("ok %g\n", got);
}

void useOperator(Calculator::Client& calc, kj::WaitScope& scope) {
  auto get = calc.getOperatorRequest();
  get.setOp(Calculator::Operator::ADD);
  auto call = get.send().getFunc().callRequest();
  auto params = call.initParams(2);
  params.set(0, 1);
  params.set(1, 2);
  double got = call.send().wait(scope).getValue();
  printf("ok %g\n", got);
}

void define(Calculator::Client& calc, kj::WaitScope& scope) {
  auto request = calc.defFunctionRequest();
  request.setParamCount(1);
  request.initBody().setParameter(0);
  request.send().wait(scope);
  printf("ok defined\n");
}

const char* kindOf(const kj::Exception& e) {
  switch (e.getType()) {
    case kj::Exception::Type::FAILED: return "failed";
    case kj::Exception::Type::OVERLOADED: return "overloaded";
    case kj::Exception::Type::DISCONNECTED: return "disconnected";
    case kj::Exception::Type::UNIMPLEMENTED: return "unimplemented";
  }
  return "unknown";
}

void obey(const std::string& line, Calculator::Client& calc, kj::WaitScope& scope) {
  std::istringstream words(line);
  std::string command;
  double number = 0;
  words >> command >> number;
  if (command == "evaluate") {
    evaluate(calc, number, scope);
  } else if (command == "operator") {
    useOperator(calc, scope);
  } else if (command == "define") {
    define(calc, scope);
  } else {
    KJ_FAIL_REQUIRE("no such command", command.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  peer::Args args(argc, argv, {{"timeout", "60"}});
  peer::limitTime(args.number("timeout"));
  return peer::run([&](kj::AsyncIoContext& io) {
    peer::Connection connection(io, args.address());
    auto calc = connection.bootstrap<Calculator>();
    std::string line;
    while (std::getline(std::cin, line)) {
      auto failure = kj::runCatchingExceptions([&]() { obey(line, calc, io.waitScope); });
      KJ_IF_MAYBE(e, failure) {
        std::string text = e->getDescription().cStr();
        for (char& c : text) {
          if (c == '\n') c = ' ';
        }
        printf("%s %s\n", kindOf(*e), text.c_str());
      }
      fflush(stdout);
    }
  });
}
