// The jobs that make calls, and the server they are made to.
#include "job.h"
#include "probe.h"

#include <kj/vector.h>
#include <sys/resource.h>

namespace bench {
namespace {

// Makes calls in so many lanes, each one after the other; they learn their lane.
void inLanes(kj::WaitScope& scope, uint64_t count, uint64_t width,
             kj::Function<kj::Promise<void>(uint64_t)> call) {
  uint64_t left = count;
  kj::Function<kj::Promise<void>(uint64_t)> lane = [&](uint64_t number) -> kj::Promise<void> {
    if (left == 0) return kj::READY_NOW;
    left--;
    return call(number).then([&lane, number]() { return lane(number); });
  };
  auto all = kj::heapArrayBuilder<kj::Promise<void>>(width);
  for (uint64_t i = 0; i < width; i++) all.add(lane(i));
  kj::joinPromises(all.finish()).wait(scope);
}

// Calls is a connection and its first capability, or an object of this process.
class Calls : public Work {
 public:
  Calls(const Job& job, kj::AsyncIoContext& io, bool local)
      : job(job), scope(io.waitScope), data(kj::heapArray<kj::byte>(job.size)),
        connection(local ? kj::Own<peer::Connection>() : kj::heap<peer::Connection>(io, job.address)),
        probe(local ? Probe::Client(kj::heap<ProbeServer>()) : connection->bootstrap<Probe>()) {
    memset(data.begin(), 0, data.size());
  }

  kj::Promise<void> echo() {
    auto request = probe.echoRequest(sizeHint());
    request.setData(data);
    return request.send().then([size = job.size](auto&& result) {
      KJ_REQUIRE(result.getData().size() == size, "echo of another size");
    });
  }

 protected:
  capnp::MessageSize sizeHint() const { return {job.size / sizeof(capnp::word) + 8, 0}; }

  void lanes(uint64_t count, uint64_t width, kj::Function<kj::Promise<void>(uint64_t)> call) {
    inLanes(scope, count, width, kj::mv(call));
  }

  const Job job;
  kj::WaitScope& scope;
  kj::Array<kj::byte> data;
  kj::Own<peer::Connection> connection;
  Probe::Client probe;
};

struct Flight final : Calls {
  using Calls::Calls;
  void run(uint64_t n) override {
    lanes(n, job.inflight, [this](uint64_t) { return echo(); });
  }
};

// Spread distributes calls in flight over several connections.
class Spread final : public Work {
 public:
  Spread(const Job& job, kj::AsyncIoContext& io) : job(job), scope(io.waitScope) {
    for (uint64_t i = 0; i < job.conns; i++) all.add(kj::heap<Flight>(job, io, false));
  }
  void run(uint64_t n) override {
    inLanes(scope, n, job.inflight, [this](uint64_t lane) { return all[lane % all.size()]->echo(); });
  }

 private:
  const Job job;
  kj::WaitScope& scope;
  kj::Vector<kj::Own<Flight>> all;
};

struct Chain final : Calls {
  using Calls::Calls;
  void run(uint64_t n) override {
    for (uint64_t i = 0; i < n; i++) {
      auto link = probe;
      for (uint64_t d = 1; d < job.depth; d++) link = link.selfRequest().send().getSelf();
      link.selfRequest().send().wait(scope);
    }
  }
};

struct Stream final : Calls {
  using Calls::Calls;
  void run(uint64_t n) override {
    lanes(n, 1, [this](uint64_t) {
      auto request = probe.writeRequest(sizeHint());
      request.setChunk(data);
      return request.send();
    });
    auto written = probe.writtenRequest().send().wait(scope);
    KJ_REQUIRE(written.getChunks() == n && written.getBytes() == n * job.size, "chunks were lost");
  }
};

struct Counter final : Sink::Server {
  explicit Counter(uint64_t& pushed) : pushed(pushed) {}
  kj::Promise<void> push(PushContext call) override {
    pushed++;
    call.getResults(capnp::MessageSize{4, 0}).setAccepted(call.getParams().getData().size());
    return kj::READY_NOW;
  }
  uint64_t& pushed;
};

// Passes a new capability with every call, which the server calls before it
// returns.
struct CallBack final : Calls {
  using Calls::Calls;
  void run(uint64_t n) override {
    uint64_t pushed = 0;
    lanes(n, 1, [&](uint64_t) {
      auto request = probe.callBackRequest();
      request.setSink(kj::heap<Counter>(pushed));
      request.setCount(1);
      return request.send().ignoreResult();
    });
    KJ_REQUIRE(pushed == n, "calls back were lost", pushed, n);
  }
};

// Gets a new capability, calls it, and gives it up.
struct Returned final : Calls {
  using Calls::Calls;
  void run(uint64_t n) override {
    lanes(n, 1, [this](uint64_t) {
      return probe.freshRequest().send().then([](auto&& result) {
        return result.getProbe().ticketRequest().send().then(
            [](auto&& ticket) { KJ_REQUIRE(ticket.getNumber() == 0, "not a new object"); });
      });
    });
  }
};

// Idle opens connections, makes one call on each, and keeps them.
class Idle final : public Work {
 public:
  Idle(const Job& job, kj::AsyncIoContext& io) : job(job), io(io) {}
  bool once() const override { return true; }
  void run(uint64_t n) override {
    for (uint64_t i = 0; i < n; i++) {
      auto flight = kj::heap<Flight>(job, io, false);
      flight->run(1);
      all.add(kj::mv(flight));
    }
  }

 private:
  const Job job;
  kj::AsyncIoContext& io;
  kj::Vector<kj::Own<Flight>> all;
};

// Every connection has a Probe with counters of its own.
struct Fresh final : capnp::BootstrapFactory<capnp::rpc::twoparty::VatId> {
  capnp::Capability::Client createFor(capnp::rpc::twoparty::VatId::Reader) override {
    return kj::heap<ProbeServer>();
  }
};

struct Session {
  Session(kj::Own<kj::AsyncIoStream> s, Fresh& fresh)
      : stream(kj::mv(s)), network(*stream, capnp::rpc::twoparty::Side::SERVER),
        rpc(capnp::makeRpcServer(network, fresh)) {}

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
};

struct Ignore final : kj::TaskSet::ErrorHandler {
  void taskFailed(kj::Exception&&) override {}
};

kj::Promise<void> accept(kj::ConnectionReceiver& listener, Fresh& fresh, kj::TaskSet& tasks) {
  return listener.accept().then([&](kj::Own<kj::AsyncIoStream> stream) {
    auto session = kj::heap<Session>(kj::mv(stream), fresh);
    auto gone = session->network.onDisconnect();
    tasks.add(gone.attach(kj::mv(session)));
    return accept(listener, fresh, tasks);
  });
}

// Answers every line of standard input with what this process has used so far.
kj::Promise<void> answer(kj::AsyncInputStream& in, kj::Array<char>& buffer) {
  return in.tryRead(buffer.begin(), 1, buffer.size()).then([&](size_t n) -> kj::Promise<void> {
    if (n == 0) return kj::READY_NOW;
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double cpu = u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    for (char c : buffer.slice(0, n)) {
      if (c == '\n') printf("{\"cpu\":%.6f,\"mallocs\":-1,\"heap\":0}\n", cpu), fflush(stdout);
    }
    return answer(in, buffer);
  });
}

}  // namespace

kj::Own<Work> openCalls(const Job& job, kj::AsyncIoContext& io) {
  if (job.mode == "flight" && job.conns > 1) return kj::heap<Spread>(job, io);
  if (job.mode == "flight") return kj::heap<Flight>(job, io, false);
  if (job.mode == "local") return kj::heap<Flight>(job, io, true);
  if (job.mode == "chain") return kj::heap<Chain>(job, io, false);
  if (job.mode == "stream") return kj::heap<Stream>(job, io, false);
  if (job.mode == "callback") return kj::heap<CallBack>(job, io, false);
  if (job.mode == "returned") return kj::heap<Returned>(job, io, false);
  if (job.mode == "idle") return kj::heap<Idle>(job, io);
  return kj::Own<Work>();
}

int serve(const std::string& address) {
  auto io = kj::setupAsyncIo();
  auto listener =
      io.provider->getNetwork().parseAddress(address.c_str()).wait(io.waitScope)->listen();
  std::string shown = address;
  if (address.rfind("unix:", 0) != 0) {
    shown = address.substr(0, address.rfind(':')) + ":" + std::to_string(listener->getPort());
  }
  printf("listening on %s\n", shown.c_str());
  fflush(stdout);

  Fresh fresh;
  Ignore ignore;
  kj::TaskSet tasks(ignore);
  auto input = io.lowLevelProvider->wrapInputFd(STDIN_FILENO);
  auto buffer = kj::heapArray<char>(256);
  accept(*listener, fresh, tasks).exclusiveJoin(answer(*input, buffer)).wait(io.waitScope);
  return 0;
}

}  // namespace bench
