@0xce810f78c96be23b;
# Interfaces: inheritance in all shapes and every way to write a method.

using Marks = import "lib/marks.capnp";

interface Root {
  ping @0 ();
  name @1 () -> (name :Text);
}

interface Left extends(Root) { left @0 (); }
interface Right extends(Root) { right @0 (n :Int32); }
interface Diamond extends(Left, Right) { bottom @0 () -> (); }
interface Redundant extends(Diamond, Root, Left) {}
interface Lone extends() { only @0 (); }

interface Shapes {
  noResults @0 ();
  emptyResults @1 () -> ();
  one @2 (a :Int32) -> (b :Int32);
  many @3 (a :Int32, b :Text, c :List(Data), d :Shapes) -> (x :Bool, y :Float64,);
  structToStruct @4 Request -> Response;
  structToNames @5 Request -> (code :UInt16);
  namesToStruct @6 (path :Text) -> Response;
  structNoResults @7 Request;
  stream @8 (chunk :Data) -> stream;
  streamStruct @9 Request -> stream;
  streamNothing @10 () -> stream;
  importedType @11 import "lib/units.capnp".Quantity -> import "/lib/units.capnp".Unit;
  absoluteType @12 .Request -> .Response;
  defaults @13 (
      a :Int32 = -5,
      b :Text = "text",
      c :List(UInt8) = [1, 2, 3],
      d :Request = (path = "/", depth = 2),
      e :Text = null,
      f :Request = null,
      g :List(Text) = null,
      h :Shapes = null,
      i :Bool = true,
      j :Float32 = 0.5,
      k :Mode = fast,
      l :Data = 0x"00",
      m :AnyPointer = null
  ) -> ();
  annotated @14 (a :Int32 $Marks.level(1)) -> (b :Int32 $Marks.mark("result")) $Marks.flag;
  capabilities @15 (cap :Capability, any :AnyPointer, list :List(Root)) -> (made :Diamond);
  last @16 (a :Int32) -> (b :Int32);

  struct Nested { shape @0 :Shapes; }
  enum Mode { slow @0; fast @1; }
  interface Inner extends(Shapes) {
    deeper @0 (nested :Nested, mode :Mode) -> Nested;
  }
  const usual :Mode = slow;
  annotation onlyHere(method) :Void;
  using Again = Nested;
}

struct Request {
  path @0 :Text;
  depth @1 :UInt8 = 1;
}

struct Response {
  code @0 :UInt16 = 200;
  body @1 :Data;
  next @2 :Shapes;
}

interface OutOfOrder {
  third @2 () -> (c :Int32);
  first @0 () -> (a :Int32);
  second @1 (b :Int32) -> ();
}

interface Keywords {
  struct @0 (interface :Text, enum :Int32) -> (const :Bool);
  using @1 () -> (union :Text, group :Data);
  interface @2 (extends :Int32, annotation :Text, import :Text, embed :Data);
  void @3 (true :Bool, false :Bool, inf :Float32, nan :Float64) -> (void :Void);
}

interface Writer { write @0 (bytes :Data) -> stream; done @1 (); }
interface FileWriter extends(Writer) { seek @0 (to :UInt64) -> (); flush @1 () -> stream; }

interface Chain1 {}
interface Chain2 extends(Chain1) {}
interface Chain3 extends(Chain2) { m @0 (); }
interface Chain4 extends(Chain3, Writer) { m @0 (); }

struct HoldsInterfaces {
  root @0 :Root;
  diamonds @1 :List(Diamond);
  inner @2 :Shapes.Inner;
  mode @3 :Shapes.Mode = fast;
  union {
    writer @4 :Writer;
    reader @5 :Root;
  }
}
