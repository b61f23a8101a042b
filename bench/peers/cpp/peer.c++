// peer is Cap'n Proto C++ under measurement: peer serve ADDRESS | peer load.
#include "job.h"

#include <capnp/common.h>
#include <kj/debug.h>

#include <chrono>
#include <iostream>
#include <sstream>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

namespace bench {
namespace {

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

double processorTime() {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void say(const std::string& line) {
  fputs((line + "\n").c_str(), stdout);
  fflush(stdout);
}

void expect(const char* want) {
  std::string got;
  if (!std::getline(std::cin, got) || got != want) KJ_FAIL_REQUIRE("unexpected input", want, got.c_str());
}

Job parse(const std::string& line) {
  Job job;
  std::istringstream words(line);
  std::string key, value;
  words >> job.mode >> job.address;
  while (words >> key >> value) {
    if (key == "inflight") job.inflight = std::stoull(value);
    else if (key == "depth") job.depth = std::stoull(value);
    else if (key == "size") job.size = std::stoull(value);
    else if (key == "conns") job.conns = std::stoull(value);
    else if (key == "seconds") job.seconds = std::stod(value);
    else if (key == "warm") job.warm = std::stod(value);
    else KJ_FAIL_REQUIRE("unknown option", key.c_str());
  }
  return job;
}

// Runs more and more calls until they take as long as the job wants; the number
// that fills the time of the measurement.
uint64_t warm(Work& work, const Job& job) {
  for (uint64_t n = kj::max(job.inflight, uint64_t(1));;) {
    double start = now();
    work.run(n);
    double taken = now() - start;
    if (taken >= job.warm) {
      return kj::max(uint64_t(n * job.seconds / taken), kj::max(job.inflight, uint64_t(1)));
    }
    n = n * kj::min(8.0, kj::max(1.5, 1.2 * job.warm / kj::max(taken, 1e-9)));
    n = kj::max(n, uint64_t(4));
  }
}

void load() {
  auto io = kj::setupAsyncIo();
  char library[64];
  snprintf(library, sizeof(library), "library C++ %d.%d.%d", CAPNP_VERSION_MAJOR, CAPNP_VERSION_MINOR,
           CAPNP_VERSION_MICRO);
  say(library);
  for (std::string line; std::getline(std::cin, line);) {
    Job job = parse(line);
    auto work = openData(job);
    if (work.get() == nullptr) work = openCalls(job, io);
    if (work.get() == nullptr) {
      say("unsupported");
      continue;
    }
    uint64_t check = work->check();
    uint64_t calls = work->once() ? job.conns : warm(*work, job);
    say("ready " + std::to_string(calls));
    expect("go");
    double cpu = processorTime();
    double start = now();
    work->run(calls);
    double taken = now() - start;
    char result[256];
    snprintf(result, sizeof(result),
             "{\"calls\":%llu,\"seconds\":%.9f,\"cpu\":%.6f,\"mallocs\":-1,\"check\":%llu}",
             static_cast<unsigned long long>(calls), taken, processorTime() - cpu,
             static_cast<unsigned long long>(check));
    say(result);
    expect("close");
    work = nullptr;
    say("closed");
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  int status = 2;
  auto failure = kj::runCatchingExceptions([&]() {
    if (argc == 3 && strcmp(argv[1], "serve") == 0) status = bench::serve(argv[2]);
    if (argc == 2 && strcmp(argv[1], "load") == 0) bench::load(), status = 0;
  });
  KJ_IF_MAYBE(e, failure) {
    fprintf(stderr, "failed: %s\n", kj::str(*e).cStr());
    return 1;
  }
  if (status == 2) fprintf(stderr, "usage: %s serve ADDRESS | load\n", argv[0]);
  return status;
}
