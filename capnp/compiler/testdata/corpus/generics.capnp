@0xe756d425e3a35541;
# Generic structs and interfaces, bound, half bound, nested and unbound.

using Units = import "lib/units.capnp";

struct Box(T) {
  value @0 :T;
}

struct Pair(First, Second) {
  first @0 :First;
  second @1 :Second;
  swapped @2 :Pair(Second, First);

  struct Label(Name) {
    name @0 :Name;
    of @1 :Pair(First, Second);
    first @2 :First;
    same @3 :Label(Name);
    other @4 :Pair(Name, First).Label(Second);
    unbound @5 : .Pair.Label;
  }

  struct Plain {
    second @0 :Second;
    both @1 :Pair(First, Second);
  }

  interface Maker {
    make @0 (first :First, second :Second) -> (pair :Pair(First, Second));
    label @1 [N] (name :N) -> Label(N);
  }

  const limit :UInt32 = 10;
  enum Side { left @0; right @1; }
  annotation onPair(struct) :Void;
}

struct Map @0xed58d300323ef410 (Key, Value) {
  entries @0 :List(Entry);
  struct Entry {
    key @0 :Key;
    value @1 :Value;
  }
}

struct Uses {
  text @0 :Box(Text);
  list @1 :Box(List(UInt8));
  boxes @2 :Box(Box(Box(Data)));
  pair @3 :Pair(Text, Box(Uses));
  unbound @4 :Box;
  anything @5 :Box(AnyPointer);
  label @6 :Pair(Text, Data).Label(Uses);
  plain @7 :Pair(Data, Text).Plain;
  unboundPlain @8 :Pair.Plain;
  halfBound @9 :Pair.Label(Text);
  side @10 :Pair(Text, Text).Side;
  sideUnbound @11 :Pair.Side;
  map @12 :Map(Text, Map(Text, List(Box(Text))));
  entry @13 :Map(Text, Data).Entry;
  boxList @14 :List(Box(Text));
  listOfLists @15 :List(List(Pair(Text, Text)));
  maker @16 :Pair(Text, Text).Maker;
  converter @17 :Units.Converter(Units.Unit, Units.Quantity);
  enumList @18 :Box(List(Pair.Side));
  interfaceBox @19 :Box(Store(Text));
  withDefault @20 :Box(Text) = (value = "inside");
  pairDefault @21 :Pair(Text, Box(Data)) = (first = "a", second = (value = 0x"0b"));
}

struct Recursive(T) {
  value @0 :T;
  next @1 :Recursive(T);
  wrapped @2 :Recursive(Box(T));
  children @3 :List(Recursive(T));
}

struct InGroups(T, U) {
  choice :union {
    a @0 :T;
    b @1 :List(Box(U));
    both :group {
      t @2 :T;
      u @3 :Box(U);
    }
  }
  union {
    x @4 :Text;
    y @5 :U;
  }
}

interface Store @0xe7e6b9bd2537a2c7 (Item) {
  get @0 (key :Text) -> (item :Item);
  put @1 (key :Text, item :Item) -> ();
  all @2 () -> (items :List(Box(Item)));
  sub @3 () -> (store :Store(Item));
  each @4 (visitor :Visitor) -> ();
  asBox @5 Box(Item) -> Box(Box(Item));

  interface Visitor {
    visit @0 (item :Item) -> stream;
  }
}

interface TextStore extends(Store(Text)) {
  append @0 (key :Text, suffix :Text) -> ();
}

interface Indexed(Key, Item) extends(Store(Item), Units.Converter(Key, Item)) {
  lookUp @0 [K] (key :K, fallback :Item) -> (item :Item, key :Key);
}

interface Deep extends(Indexed(Text, Pair(Text, Data)), TextStore) {}

interface Methods {
  identity @0 [T] (x :T) -> (x :T);
  swap @1 [A, B] (a :A, b :B) -> (a :B, b :A);
  wrap @2 [T] (value :T) -> Box(T);
  unwrap @3 [T] Box(T) -> (value :T);
  nested @4 [T] (list :List(Box(T))) -> (map :Map(Text, T));
  makeStore @5 [Item,] () -> (store :Store(Item));
}

struct UsesAlias {
  using TextBox = Box(Text);
  using Half = Pair(Text, Data);
  a @0 :TextBox;
  b @1 :Half.Label(Text);
  c @2 :Half.Plain;
  d @3 :List(Half);
}

const boxed :Box(List(Text)) = (value = ["x", "y"]);
const paired :Pair(Box(Text), Data) = (first = (value = "f"), second = "s");
const limit :UInt32 = Pair.limit;
