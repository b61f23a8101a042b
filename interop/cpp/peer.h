// What every peer program here has in common: its command line, its listening
// socket, its time limit.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/debug.h>
#include <kj/exception.h>
#include <kj/function.h>

#include <chrono>
#include <map>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string>
#include <unistd.h>

namespace peer {

// Args is a command line of the form `program ADDRESS [--name value]...`.
// Unknown names are refused, so a typing error never measures the wrong thing.
class Args {
 public:
  Args(int argc, char** argv, std::map<std::string, std::string> defaults)
      : program(argv[0]), values(std::move(defaults)) {
    for (int i = 1; i < argc; i++) {
      std::string arg = argv[i];
      if (arg.rfind("--", 0) != 0) {
        if (!addr.empty()) usage();
        addr = arg;
        continue;
      }
      auto found = values.find(arg.substr(2));
      if (found == values.end() || i + 1 == argc) usage();
      found->second = argv[++i];
    }
    if (addr.empty()) usage();
  }

  const std::string& address() const { return addr; }
  const std::string& text(const char* name) const { return values.at(name); }

  uint64_t number(const char* name) const {
    const std::string& v = values.at(name);
    char* end = nullptr;
    uint64_t n = strtoull(v.c_str(), &end, 10);
    if (v.empty() || *end != 0) usage();
    return n;
  }

 private:
  [[noreturn]] void usage() const {
    fprintf(stderr, "usage: %s ADDRESS", program.c_str());
    for (auto& v : values) fprintf(stderr, " [--%s %s]", v.first.c_str(), v.second.c_str());
    fprintf(stderr, "\nADDRESS is HOST:PORT or unix:PATH\n");
    exit(2);
  }

  std::string program;
  std::string addr;
  std::map<std::string, std::string> values;
};

// limitTime ends the process with status 3 when it still runs after so many
// seconds, whatever it is doing. Zero is no limit.
inline void limitTime(uint64_t seconds) {
  struct sigaction action = {};
  action.sa_handler = [](int) {
    static const char message[] = "time limit reached\n";
    if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0) {}
    _exit(3);
  };
  sigaction(SIGALRM, &action, nullptr);
  alarm(static_cast<unsigned>(seconds));
}

// serve listens on the address, says so on standard output, and serves the
// bootstrap capability until SIGTERM or SIGINT arrives.
inline int serve(const std::string& address, capnp::Capability::Client bootstrap) {
  kj::UnixEventPort::captureSignal(SIGTERM);
  kj::UnixEventPort::captureSignal(SIGINT);
  auto io = kj::setupAsyncIo();

  const std::string unixPrefix = "unix:";
  bool isUnix = address.rfind(unixPrefix, 0) == 0;
  std::string path = isUnix ? address.substr(unixPrefix.size()) : "";
  if (isUnix) unlink(path.c_str());

  auto listener = io.provider->getNetwork()
                      .parseAddress(address.c_str())
                      .wait(io.waitScope)
                      ->listen();
  std::string shown = address;
  if (!isUnix) {
    shown = address.substr(0, address.rfind(':')) + ":" + std::to_string(listener->getPort());
  }
  printf("listening on %s\n", shown.c_str());
  fflush(stdout);

  capnp::TwoPartyServer server(kj::mv(bootstrap));
  auto ended = [&](int signal) { return io.unixEventPort.onSignal(signal).then([](siginfo_t) {}); };
  server.listen(*listener)
      .exclusiveJoin(ended(SIGTERM))
      .exclusiveJoin(ended(SIGINT))
      .wait(io.waitScope);
  if (isUnix) unlink(path.c_str());
  return 0;
}

// Connection is one client connection and the event loop's way to wait on it.
class Connection {
 public:
  Connection(kj::AsyncIoContext& io, const std::string& address)
      : stream(io.provider->getNetwork()
                   .parseAddress(address.c_str())
                   .wait(io.waitScope)
                   ->connect()
                   .wait(io.waitScope)),
        rpc(*stream) {}

  template <typename Interface>
  typename Interface::Client bootstrap() {
    return rpc.bootstrap().template castAs<Interface>();
  }

 private:
  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyClient rpc;
};

// run calls a client's body and turns what it throws into an exit status.
inline int run(kj::Function<void(kj::AsyncIoContext&)> body) {
  auto failure = kj::runCatchingExceptions([&]() {
    auto io = kj::setupAsyncIo();
    body(io);
  });
  KJ_IF_MAYBE(e, failure) {
    fflush(stdout);
    fprintf(stderr, "failed: %s\n", kj::str(*e).cStr());
    return 1;
  }
  return 0;
}

inline double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace peer
