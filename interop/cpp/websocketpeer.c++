// RPC over WebSocket, over the socket that is file descriptor 3: `websocketpeer
// serve` offers a Probe to who connects by HTTP, `websocketpeer call` connects
// and calls one.
#include <capnp/compat/websocket-rpc.h>
#include <kj/compat/http.h>
#include <string.h>

#include "probe.h"

namespace {

struct Session {
  Session(kj::Own<kj::WebSocket> s, capnp::rpc::twoparty::Side side)
      : socket(kj::mv(s)), stream(*socket), network(stream, side) {}

  kj::Own<kj::WebSocket> socket;
  capnp::WebSocketMessageStream stream;
  capnp::TwoPartyVatNetwork network;
};

class Service final : public kj::HttpService {
 public:
  explicit Service(const kj::HttpHeaderTable& table) : table(table) {}

  kj::Promise<void> request(kj::HttpMethod, kj::StringPtr, const kj::HttpHeaders&, kj::AsyncInputStream&,
                            Response& response) override {
    auto session = kj::heap<Session>(response.acceptWebSocket(kj::HttpHeaders(table)), capnp::rpc::twoparty::Side::SERVER);
    auto rpc = kj::heap(capnp::makeRpcServer(session->network, capnp::Capability::Client(kj::heap<ProbeServer>())));
    auto done = session->network.onDisconnect();
    return done.attach(kj::mv(rpc), kj::mv(session));
  }

 private:
  const kj::HttpHeaderTable& table;
};

struct Entropy final : public kj::EntropySource {
  void generate(kj::ArrayPtr<kj::byte> buffer) override { memset(buffer.begin(), 0x5a, buffer.size()); }
};

void serve(kj::AsyncIoContext& io, kj::Own<kj::AsyncIoStream> socket) {
  kj::HttpHeaderTable table;
  Service service(table);
  kj::HttpServer server(io.provider->getTimer(), table, service);
  server.listenHttp(kj::mv(socket)).wait(io.waitScope);
}

void call(kj::AsyncIoContext& io, kj::Own<kj::AsyncIoStream> socket) {
  kj::HttpHeaderTable table;
  Entropy entropy;
  kj::HttpClientSettings settings;
  settings.entropySource = entropy;
  auto client = kj::newHttpClient(table, *socket, settings);
  kj::HttpHeaders headers(table);
  headers.set(kj::HttpHeaderId::HOST, "localhost");
  auto response = client->openWebSocket("/", headers).wait(io.waitScope);
  KJ_REQUIRE(response.statusCode == 101, "no WebSocket", response.statusCode);
  Session session(kj::mv(response.webSocketOrBody.get<kj::Own<kj::WebSocket>>()), capnp::rpc::twoparty::Side::CLIENT);
  auto rpc = capnp::makeRpcClient(session.network);
  capnp::MallocMessageBuilder message;
  auto vat = message.initRoot<capnp::rpc::twoparty::VatId>();
  vat.setSide(capnp::rpc::twoparty::Side::SERVER);
  auto probe = rpc.bootstrap(vat).castAs<Probe>();
  for (size_t size : {0, 1, 1000, 100000, 1000000}) {
    auto data = kj::heapArray<kj::byte>(size);
    memset(data.begin(), 'x', size);
    auto request = probe.selfRequest().send().getSelf().echoRequest();
    request.setData(data);
    auto result = request.send().wait(io.waitScope);
    KJ_REQUIRE(result.getData() == data, "another echo", size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  KJ_REQUIRE(argc == 2, "usage: websocketpeer serve|call");
  auto io = kj::setupAsyncIo();
  auto socket = io.lowLevelProvider->wrapSocketFd(3);
  if (strcmp(argv[1], "serve") == 0) {
    serve(io, kj::mv(socket));
  } else {
    call(io, kj::mv(socket));
  }
  return 0;
}
