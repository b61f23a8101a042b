// The Probe of testservice.capnp; the server hosts it for others, the client
// hosts it to be called back.
#pragma once

#include "peer.h"
#include "testservice.capnp.h"

#include <capnp/common.h>

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

  kj::Promise<void> hang([[maybe_unused]] HangContext call) override {
#if CAPNP_VERSION < 1000000
    call.allowCancellation();  // later versions want an annotation that 0.9 does not know
#endif
    return kj::NEVER_DONE;
  }

  kj::Promise<void> fresh(FreshContext call) override {
    call.getResults().setProbe(kj::heap<ProbeServer>());
    return kj::READY_NOW;
  }

 private:
  uint64_t bytes = 0, chunks = 0, tickets = 0;
};
