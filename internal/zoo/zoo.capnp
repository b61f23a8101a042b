@0xa4b7f0d6d6a5d0e3;
# What dynamic, capjson and reflection are tested with: interfaces that inherit, generics, annotations of all kinds.

using Go = import "/go.capnp";
using Json = import "/capnp/compat/json.capnp";
using Lanyard = import "/lanyard.capnp";

interface Animal {
  # Something to call.

  name @0 () -> (name :Text) $Lanyard.readOnly;
  feed @1 (food :Text, grams :UInt32 = 100) -> (full :Bool);
  friend @2 () -> (friend :Animal, where :Cage);
  # Pipelining goes through both.
  tell @3 (word :Text) -> stream;
  told @4 () -> (words :List(Text)) $Lanyard.idempotent;
}

interface Named $Lanyard.readOnly {
  name @0 () -> (name :Text) $Go.name("officialName");
  nickname @1 () -> (name :Text);
}

interface Parrot extends (Animal, Named) {
  say @0 (text :Text, secret :Text $Lanyard.secret) -> (text :Text);
  name @1 () -> (name :Text, loud :Bool) $Go.name("ownName");
}

interface Keeper(T) {
  keep @0 (thing :T) -> (was :T);
  box @1 () -> (box :Box(T));
}

interface AnimalKeeper extends (Keeper(Cage)) {}

struct Box(T) {
  content @0 :T;
  more @1 :List(Box(T));
  pair @2 :Pair(T, Text);
  anything @3 :AnyPointer;
}

struct Pair(A, B) {
  first @0 :A;
  second @1 :B;
}

struct Cage {
  number @0 :UInt32;
  inside @1 :Animal;
  key @2 :Text $Lanyard.secret;
  next @3 :Cage;
  union {
    empty @4 :Void;
    only @5 :Animal;
    many @6 :List(Animal);
    described :group {
      text @7 :Text;
      legs @8 :Int16 = 4;
    }
  }
  boxed @9 :Box(Cage);
  locked @10 :Bool = true;
  size :group {
    width @11 :Float32 = 1.5;
    height @12 :Float64;
    unit @13 :Unit = metre;
  }
  label @14 :Text = "cage";
  mark @15 :Data = 0x"00ff";
  sign @16 :Pair(Text, Text) = (first = "first", second = "second");
  numbers @17 :List(Int16) = [1, -2];
}

enum Unit {
  inch @0;
  metre @1;
  mile @2 $Json.name("the mile");
}

struct Shown {
  # Every annotation of json.capnp.

  renamed @0 :Text $Json.name("another name");

  flat :group $Json.flatten() {
    flatNumber @1 :UInt32;
    flatText @2 :Text;
    inner :group $Json.name("renamedInner") {
      hello @3 :Bool;
    }
    double :group $Json.flatten() {
      deep @4 :Text;
    }
  }

  prefixed :group $Json.flatten(prefix = "p.") {
    foo @5 :Text;
    bar @6 :UInt32 $Json.name("renamedBar");
    more :group $Json.flatten(prefix = "q.") {
      baz @7 :Text;
    }
  }

  shape :union $Json.flatten() $Json.discriminator(name = "shapeType") {
    circle :group $Json.flatten() {
      radius @8 :Text;
      shared @9 :UInt32;
    }
    square :group $Json.flatten() $Json.name("the square") {
      side @10 :UInt32;
      shared @11 :Text;
    }
    point @12 :Void;
  }

  valued :union $Json.flatten() $Json.discriminator(valueName = "value") {
    text @13 :Text;
    number @14 :UInt32 $Json.name("renamedNumber");
    nothing @15 :Void;
  }

  typed :union $Json.discriminator(name = "type") {
    one @16 :UInt32;
    two @17 :Void;
    three @18 :Text;
  }

  tagged @19 :Tagged;
  units @20 :List(Unit);
  base @21 :Data $Json.base64;
  digits @22 :Data $Json.hex;
  plain @23 :Data;
  embedded @24 :Coordinates $Json.flatten(prefix = "at.");
  json @25 :Json.Value;
  again @26 :Shown;

  struct Coordinates {
    x @0 :Float64;
    y @1 :Float64 = 2.5;
  }

  struct Tagged $Json.discriminator(name = "kind") {
    union {
      word @0 :Text;
      place @1 :Coordinates $Json.flatten();
    }
  }
}
