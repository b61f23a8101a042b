// probeserver serves a Probe: probeserver 127.0.0.1:0 | unix:PATH
#include "probe.h"

int main(int argc, char** argv) {
  peer::Args args(argc, argv, {{"timeout", "0"}});
  peer::limitTime(args.number("timeout"));
  return peer::serve(args.address(), kj::heap<ProbeServer>());
}
