@0xe0a1b2c3d4e5f609;
# Imports packages whose names generated code uses itself, and has members named like what it uses.

using C = import "../capnp/x.capnp";
using M = import "../math/x.capnp";

struct Capnp {
  client @0 :C.Client;
  number @1 :M.Number;
  f @2 :Float32 = 0.25;
  s @3 :Int32;
  b @4 :Text;
  v @5 :List(C.Hook);
  error @6 :Text;
  string @7 :Text;
  type @8 :Float64;
  func @9 :Capnp;
  struct @10 :M.Number = (f = 2);
}

interface Context extends(C.Hook) {
  client @0 (ctx :M.Number) -> (promise :C.Hook);
  ctx @1 () -> stream;
  resolve @2 (fill :C.Client) -> (client :C.Client, error :Context);
  isNull @3 () -> ();
}

enum Math {
  string @0;
  which @1;
}
