// The Probe of testservice.capnp; the server hosts it for others, the client
// hosts it to be called back.
#pragma once

#include "peer.h"
#include "testservice.capnp.h"

#include <capnp/common.h>

// StreamServer checks the order of its chunks. If failAfter is not zero the chunk
// after so many fails.
class StreamServer final : public ByteSink::Server {
 public:
  explicit StreamServer(uint64_t failAfter = 0) : failAfter(failAfter) {}

  kj::Promise<void> write(WriteContext call) override {
    KJ_REQUIRE(failAfter == 0 || chunks < failAfter, "no more chunks", failAfter);
    KJ_REQUIRE(call.getParams().getSequence() == chunks, "chunks changed places", chunks);
    chunks++;
    bytes += call.getParams().getChunk().size();
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext call) override {
    auto results = call.getResults();
    results.setChunks(chunks);
    results.setBytes(bytes);
    return kj::READY_NOW;
  }

 private:
  const uint64_t failAfter;
  uint64_t chunks = 0, bytes = 0;
};

// Pump streams chunks into a sink, one after the other as flow control lets it,
// and ends it. It has to live until what run() returns is done.
class Pump final {
 public:
  Pump(ByteSink::Client sink, uint32_t chunks, size_t size)
      : sink(kj::mv(sink)), chunks(chunks), data(kj::heapArray<kj::byte>(size)) {
    memset(data.begin(), 'x', data.size());
  }

  kj::Promise<uint64_t> run() {
    if (next == chunks) {
      return sink.endRequest().send().then([this](auto&& result) -> uint64_t {
        KJ_REQUIRE(result.getChunks() == chunks, "chunks were lost", result.getChunks());
        return result.getBytes();
      });
    }
    auto request = sink.writeRequest(capnp::MessageSize{data.size() / sizeof(capnp::word) + 8, 0});
    request.setSequence(next++);
    request.setChunk(data);
    return request.send().then([this]() { return run(); });
  }

  uint32_t sent() const { return next; }

 private:
  ByteSink::Client sink;
  const uint32_t chunks;
  kj::Array<kj::byte> data;
  uint32_t next = 0;
};

class ProbeServer final : public Probe::Server {
 public:
  kj::Promise<void> self(SelfContext call) override {
    call.getResults().setSelf(thisCap());
    return kj::READY_NOW;
  }

  kj::Promise<void> echo(EchoContext call) override {
    auto data = call.getParams().getData();
    call.getResults(capnp::MessageSize{data.size() / sizeof(capnp::word) + 8, 0}).setData(data);
    return kj::READY_NOW;
  }

  kj::Promise<void> callBack(CallBackContext call) override {
    auto p = call.getParams();
    auto sink = p.getSink();
    auto data = kj::heapArray<kj::byte>(p.getSize());
    memset(data.begin(), 'x', data.size());
    auto calls = kj::heapArrayBuilder<kj::Promise<uint64_t>>(p.getCount());
    for (uint i = 0; i < p.getCount(); i++) {
      auto request = sink.pushRequest();
      request.setSequence(i);
      request.setData(data);
      calls.add(request.send().then([](auto&& result) { return result.getAccepted(); }));
    }
    return kj::joinPromises(calls.finish()).then([call](kj::Array<uint64_t> accepted) mutable {
      uint64_t total = 0;
      for (uint64_t n : accepted) total += n;
      call.getResults().setTotal(total);
    });
  }

  kj::Promise<void> write(WriteContext call) override {
    bytes += call.getParams().getChunk().size();
    chunks++;
    return kj::READY_NOW;
  }

  kj::Promise<void> written(WrittenContext call) override {
    auto results = call.getResults();
    results.setBytes(bytes);
    results.setChunks(chunks);
    bytes = chunks = 0;
    return kj::READY_NOW;
  }

  kj::Promise<void> reflect(ReflectContext call) override {
    call.getResults().setCap(call.getParams().getCap());
    return kj::READY_NOW;
  }

  kj::Promise<void> defer(DeferContext call) override {
    return call.getParams().getGate().pushRequest().send().then([call](auto&&) mutable {
      call.getResults().setCap(call.getParams().getCap());
    });
  }

  kj::Promise<void> ticket(TicketContext call) override {
    call.getResults().setNumber(tickets++);
    return kj::READY_NOW;
  }

  kj::Promise<void> fail(FailContext call) override {
    auto p = call.getParams();
    return kj::Exception(static_cast<kj::Exception::Type>(p.getKind()), __FILE__, __LINE__,
                         kj::str(p.getText()));
  }

#if CAPNP_VERSION < 1000000  // later versions want an annotation that 0.9 does not know
  kj::Promise<void> hang(HangContext call) override {
    call.allowCancellation();
    auto counted = kj::defer([this, self = thisCap()]() { hangsCanceled++; });
    return kj::Promise<void>(kj::NEVER_DONE).attach(kj::mv(counted));
  }

  kj::Promise<void> canceled(CanceledContext call) override {
    call.getResults().setCount(hangsCanceled);
    hangsCanceled = 0;
    return kj::READY_NOW;
  }
#else
  kj::Promise<void> hang(HangContext) override { return kj::NEVER_DONE; }
#endif

  kj::Promise<void> open(OpenContext call) override {
    call.getResults().setSink(kj::heap<StreamServer>(call.getParams().getFailAfter()));
    return kj::READY_NOW;
  }

  kj::Promise<void> pump(PumpContext call) override {
    auto p = call.getParams();
    auto pump = kj::heap<Pump>(p.getSink(), p.getChunks(), p.getSize());
    auto done = pump->run().then([call](uint64_t bytes) mutable { call.getResults().setBytes(bytes); });
    return done.attach(kj::mv(pump));
  }

  kj::Promise<void> fresh(FreshContext call) override {
    call.getResults().setProbe(kj::heap<ProbeServer>());
    return kj::READY_NOW;
  }

 private:
  uint64_t bytes = 0, chunks = 0, tickets = 0, hangsCanceled = 0;
};
