// What the files of the C++ peer share: a job, and how to open it. The
// conversation is that of package peer beside bench/rpc.
#pragma once

#include <kj/async-io.h>
#include <kj/common.h>
#include <kj/function.h>
#include <kj/memory.h>

#include <stdint.h>
#include <string>

namespace bench {

struct Job {
  std::string mode, address;
  uint64_t inflight = 1, depth = 1, size = 0, conns = 1;
  double seconds = 0.1, warm = 0.02;
};

// Work makes n calls (chains, chunks) of a job's kind.
class Work {
 public:
  virtual ~Work() noexcept(false) {}
  virtual void run(uint64_t n) = 0;
  virtual uint64_t check() { return 0; }      // what every implementation comes to
  virtual bool once() const { return false; }  // run(conns), without warming up
};

// Both return null for what they do not know.
kj::Own<Work> openCalls(const Job& job, kj::AsyncIoContext& io);
kj::Own<Work> openData(const Job& job);

int serve(const std::string& address);

}  // namespace bench
