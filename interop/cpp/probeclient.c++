// probeclient checks a Probe server, or loads it and prints the time as JSON:
//
//   probeclient ADDRESS --mode check   [--repeat N]  every method, embargo included
//   probeclient ADDRESS --mode cancel                drops calls, prints how many were cancelled there
//   probeclient ADDRESS --mode flight  [--calls M] [--inflight K] [--size BYTES]
//   probeclient ADDRESS --mode chain   [--calls M] [--depth N]
//   probeclient ADDRESS --mode stream  [--calls M] [--size BYTES]
//
// flight makes M echo() calls and keeps K of them unanswered; chain makes M
// chains of N pipelined self() calls one after the other; stream makes M
// write() calls as fast as flow control lets it. --warm calls come before the
// clock starts. With --linger 1 it keeps the connection until its standard input
// ends. Exits 0, 1 (something was wrong) or 3 (time limit).
#include "probe.h"

namespace {

struct Load {
  Probe::Client probe;
  kj::WaitScope& scope;
  uint64_t depth, inflight, size;

  void chains(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
      auto link = probe;
      for (uint64_t d = 1; d < depth; d++) link = link.selfRequest().send().getSelf();
      link.selfRequest().send().wait(scope);
    }
  }

  void flight(uint64_t count) {
    auto data = kj::heapArray<kj::byte>(size);
    memset(data.begin(), 'x', data.size());
    uint64_t left = count;
    kj::Function<kj::Promise<void>()> lane = [&]() -> kj::Promise<void> {
      if (left == 0) return kj::READY_NOW;
      left--;
      auto request = probe.echoRequest(capnp::MessageSize{size / sizeof(capnp::word) + 8, 0});
      request.setData(data);
      return request.send().then([&](auto&& result) {
        KJ_REQUIRE(result.getData().size() == size, "echo of another size");
        return lane();
      });
    };
    auto lanes = kj::heapArrayBuilder<kj::Promise<void>>(inflight);
    for (uint64_t i = 0; i < inflight; i++) lanes.add(lane());
    kj::joinPromises(lanes.finish()).wait(scope);
  }

  void stream(uint64_t count) {
    auto data = kj::heapArray<kj::byte>(size);
    memset(data.begin(), 'x', data.size());
    probe.writtenRequest().send().wait(scope);
    for (uint64_t i = 0; i < count; i++) {
      auto request = probe.writeRequest(capnp::MessageSize{size / sizeof(capnp::word) + 8, 0});
      request.setChunk(data);
      request.send().wait(scope);
    }
    auto written = probe.writtenRequest().send().wait(scope);
    KJ_REQUIRE(written.getChunks() == count && written.getBytes() == count * size,
               "chunks were lost", written.getChunks(), written.getBytes());
  }
};

struct SinkServer final : public Sink::Server {
  SinkServer(uint64_t& next, kj::Promise<void> gate) : next(next), gate(gate.fork()) {}

  kj::Promise<void> push(PushContext call) override {
    KJ_REQUIRE(call.getParams().getSequence() == next, "out of order", next);
    next++;
    call.getResults().setAccepted(call.getParams().getData().size());
    return gate.addBranch();
  }

  uint64_t& next;
  kj::ForkedPromise<void> gate;
};

void checkTickets(kj::ArrayPtr<capnp::RemotePromise<Probe::TicketResults>> tickets,
                  kj::WaitScope& scope) {
  uint64_t want = 0;
  for (auto& ticket : tickets) {
    uint64_t got = ticket.wait(scope).getNumber();
    KJ_REQUIRE(got == want, "calls changed places", got, want);
    want++;
  }
}

void checkChain(Probe::Client probe, kj::WaitScope& scope) {
  auto fresh = probe.freshRequest().send().getProbe();
  auto far = fresh;
  for (int i = 0; i < 64; i++) far = far.selfRequest().send().getSelf();
  kj::Vector<capnp::RemotePromise<Probe::TicketResults>> tickets;
  tickets.add(fresh.ticketRequest().send());
  checkTickets(tickets, scope);
  KJ_REQUIRE(far.ticketRequest().send().wait(scope).getNumber() == 1, "not the same object");
}

void checkCallBack(Probe::Client probe, kj::WaitScope& scope) {
  uint64_t next = 0;
  auto request = probe.callBackRequest();
  request.setSink(kj::heap<SinkServer>(next, kj::READY_NOW));
  request.setCount(20);
  request.setSize(100);
  KJ_REQUIRE(request.send().wait(scope).getTotal() == 2000, "wrong total");
  KJ_REQUIRE(next == 20, "wrong number of calls back", next);
}

// A capability of ours goes there and comes home: calls made before it arrives
// travel both ways, those made after it must wait for them.
void checkReflection(Probe::Client probe, kj::WaitScope& scope, bool deferred) {
  Probe::Client ours = kj::heap<ProbeServer>();
  uint64_t next = 0;
  auto gate = kj::newPromiseAndFulfiller<void>();
  kj::Vector<capnp::RemotePromise<Probe::TicketResults>> tickets;
  auto drive = [&](auto&& call, auto&& open) {
    auto reflected = call.getCap().template castAs<Probe>();
    for (int i = 0; i < 10; i++) tickets.add(reflected.ticketRequest().send());
    open();
    call.wait(scope);
    for (int i = 0; i < 10; i++) tickets.add(reflected.ticketRequest().send());
    checkTickets(tickets, scope);
    tickets.clear();
    for (int i = 0; i < 3; i++) tickets.add(reflected.freshRequest().send().getProbe().ticketRequest().send());
    for (auto& t : tickets) KJ_REQUIRE(t.wait(scope).getNumber() == 0, "not a fresh object");
  };
  if (deferred) {
    auto request = probe.deferRequest();
    request.setCap(ours);
    request.setGate(kj::heap<SinkServer>(next, kj::mv(gate.promise)));
    drive(request.send(), [&]() { gate.fulfiller->fulfill(); });
  } else {
    auto request = probe.reflectRequest();
    request.setCap(ours);
    drive(request.send(), []() {});
  }
}

// Streams both ways: into a sink there, and from there into a sink here. A chunk
// that fails is reported by a later one.
void checkByteSinks(Probe::Client probe, kj::WaitScope& scope) {
  constexpr uint32_t CHUNKS = 300;
  constexpr size_t SIZE = 20000;
  Pump there(probe.openRequest().send().getSink(), CHUNKS, SIZE);
  KJ_REQUIRE(there.run().wait(scope) == CHUNKS * SIZE, "bytes were lost on the way there");

  auto request = probe.pumpRequest();
  request.setSink(kj::heap<StreamServer>());
  request.setChunks(CHUNKS);
  request.setSize(SIZE);
  KJ_REQUIRE(request.send().wait(scope).getBytes() == CHUNKS * SIZE, "bytes were lost on the way here");

  auto failing = probe.openRequest();
  failing.setFailAfter(3);
  Pump broken(failing.send().getSink(), 10000, SIZE);
  auto failure = kj::runCatchingExceptions([&]() { broken.run().wait(scope); });
  KJ_REQUIRE(failure != nullptr, "a chunk failed and nobody said so");
  KJ_REQUIRE(broken.sent() > 3 && broken.sent() < 10000, "told too late", broken.sent());

  auto breaking = probe.pumpRequest();
  breaking.setSink(kj::heap<StreamServer>(3));
  breaking.setChunks(10000);
  breaking.setSize(SIZE);
  failure = kj::runCatchingExceptions([&]() { breaking.send().wait(scope); });
  KJ_REQUIRE(failure != nullptr, "a chunk failed here and nobody there said so");
}

void checkFailures(Probe::Client probe, kj::WaitScope& scope) {
  for (auto kind : {Probe::Kind::FAILED, Probe::Kind::OVERLOADED, Probe::Kind::DISCONNECTED,
                    Probe::Kind::UNIMPLEMENTED}) {
    auto request = probe.failRequest();
    request.setKind(kind);
    request.setText("on purpose");
    auto failure = kj::runCatchingExceptions([&]() { request.send().wait(scope); });
    KJ_IF_MAYBE(e, failure) {
      KJ_REQUIRE(static_cast<uint>(e->getType()) == static_cast<uint>(kind), "wrong kind", *e);
      KJ_REQUIRE(strstr(e->getDescription().cStr(), "on purpose") != nullptr, "text lost", *e);
    } else {
      KJ_FAIL_REQUIRE("fail() did not fail", static_cast<uint>(kind));
    }
  }
}

void checkCancellation(Probe::Client probe, kj::WaitScope& scope) {
  for (int i = 0; i < 10; i++) {
    auto hanging = probe.hangRequest().send();
    auto dropped = kj::mv(hanging);
  }
  probe.echoRequest().send().wait(scope);
}

// Drops ten calls that hang, and prints how many the server says were cancelled.
void cancel(Probe::Client probe, kj::AsyncIoContext& io) {
  uint64_t canceled = 0;
  probe.canceledRequest().send().wait(io.waitScope);
  for (int i = 0; i < 10; i++) {
    auto hanging = probe.hangRequest().send();
    probe.echoRequest().send().wait(io.waitScope);  // it runs
    auto dropped = kj::mv(hanging);
  }
  for (int i = 0; canceled < 10 && i < 50; i++) {
    canceled += probe.canceledRequest().send().wait(io.waitScope).getCount();
    io.provider->getTimer().afterDelay(10 * kj::MILLISECONDS).wait(io.waitScope);
  }
  printf("canceled %llu\n", static_cast<unsigned long long>(canceled));
}

void checkAll(Load& load) {
  auto& scope = load.scope;
  checkChain(load.probe, scope);
  load.inflight = 8;
  load.size = 1000;
  load.flight(100);
  checkCallBack(load.probe, scope);
  Load onFresh{load.probe.freshRequest().send().getProbe(), scope, 1, 1, 3000};
  onFresh.stream(200);
  checkByteSinks(load.probe, scope);
  checkReflection(load.probe, scope, false);
  checkReflection(load.probe, scope, true);
  checkFailures(load.probe, scope);
  checkCancellation(load.probe, scope);
}

}  // namespace

int main(int argc, char** argv) {
  peer::Args args(argc, argv, {{"mode", "check"}, {"calls", "1000"}, {"warm", "0"}, {"depth", "16"},
                               {"inflight", "1"}, {"size", "0"}, {"repeat", "1"}, {"timeout", "60"}, {"linger", "0"}});
  peer::limitTime(args.number("timeout"));
  const std::string mode = args.text("mode");
  void (Load::*load)(uint64_t) = mode == "chain"    ? &Load::chains
                                 : mode == "flight" ? &Load::flight
                                 : mode == "stream" ? &Load::stream
                                                    : nullptr;
  if (load == nullptr && mode != "check" && mode != "cancel") {
    fprintf(stderr, "unknown mode %s\n", mode.c_str());
    return 2;
  }
  return peer::run([&](kj::AsyncIoContext& io) {
    auto connect = [&]() { return kj::heap<peer::Connection>(io, args.address()); };
    auto loadOn = [&](peer::Connection& connection) {
      return Load{connection.bootstrap<Probe>(), io.waitScope, args.number("depth"),
                  args.number("inflight"), args.number("size")};
    };
    if (mode == "check") {
      for (uint64_t i = 0; i < args.number("repeat"); i++) {
        auto connection = connect();
        auto l = loadOn(*connection);
        checkAll(l);
      }
      printf("done %s\n", args.text("repeat").c_str());
      return;
    }
    auto connection = connect();
    auto l = loadOn(*connection);
    if (mode == "cancel") return cancel(l.probe, io);
    (l.*load)(args.number("warm"));
    double start = peer::seconds();
    (l.*load)(args.number("calls"));
    double taken = peer::seconds() - start;
    printf("{\"library\":\"C++ %d.%d.%d\",", CAPNP_VERSION_MAJOR, CAPNP_VERSION_MINOR,
           CAPNP_VERSION_MICRO);
    printf("\"mode\":\"%s\",\"calls\":%s,\"depth\":%s,\"inflight\":%s,\"size\":%s,\"seconds\":%.9f}\n",
           mode.c_str(), args.text("calls").c_str(), args.text("depth").c_str(),
           args.text("inflight").c_str(), args.text("size").c_str(), taken);
    fflush(stdout);
    if (args.number("linger") != 0) {
      // Whatever is left to be sent goes out before this blocks.
      io.provider->getTimer().afterDelay(50 * kj::MILLISECONDS).wait(io.waitScope);
      while (getchar() != EOF) {}
    }
  });
}
