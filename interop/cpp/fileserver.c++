// A Probe over the unix socket that is file descriptor 3, which carries open
// files. Its only method is reflect(): it writes "to C++" into the file of the
// capability it is given, and returns one whose file says "from C++".
#include "peer.h"
#include "testservice.capnp.h"

namespace {

class Reading final : public Sink::Server {
 public:
  Reading() {
    int fds[2];
    KJ_SYSCALL(pipe(fds));
    reader = kj::AutoCloseFd(fds[0]);
    kj::AutoCloseFd writer(fds[1]);
    kj::FdOutputStream(kj::mv(writer)).write("from C++", 8);
  }

  kj::Maybe<int> getFd() override { return reader.get(); }

 private:
  kj::AutoCloseFd reader;
};

class Files final : public Probe::Server {
  kj::Promise<void> reflect(ReflectContext context) override {
    auto cap = context.getParams().getCap();
    auto fd = cap.getFd();
    return fd.attach(kj::mv(cap)).then([context](kj::Maybe<int> fd) mutable {
      int to = KJ_REQUIRE_NONNULL(fd, "the capability has no file");
      kj::FdOutputStream(to).write("to C++", 6);
      context.getResults().setCap(kj::heap<Reading>());
    });
  }
};

}  // namespace

int main(int argc, char**) {
  KJ_REQUIRE(argc == 1, "takes no arguments");
  auto io = kj::setupAsyncIo();
  auto socket = io.lowLevelProvider->wrapUnixSocketFd(3);
  capnp::TwoPartyVatNetwork network(*socket, 4, capnp::rpc::twoparty::Side::SERVER);
  auto rpc = capnp::makeRpcServer(network, capnp::Capability::Client(kj::heap<Files>()));
  network.onDisconnect().wait(io.waitScope);
  return 0;
}
