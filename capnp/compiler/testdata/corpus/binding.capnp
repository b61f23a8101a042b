@0xd8f2a1b3c4e50617;
# Where names and generic parameters lead: aliases, scopes, and values whose types depend on them.

struct Box(T) {
  value @0 :T;
  next @1 :Box(T);
  pair @2 :Pair(T, List(Text));

  struct Label {
    text @0 :Text;
    of @1 :T;
    box @2 :Box(T);
  }
  using Mine = T;
  using Boxes = List(Box(T));
  using Plain = Other;
  using Twin = Pair(T, T);

  interface Maker(U) {
    make @0 (from :T, other :U) -> (box :Box(U), label :Label);
    pass @1 [V] (v :V, t :T) -> (v :V, pair :Pair(V, U));
    same @2 Label -> Pair(T, U);
    using Third = Pair(T, U);
    third @3 (x :Third) -> Third;
  }

  enum Kind { a @0; b @1; }
  const ofText :Box(Text) = (value = "in scope", next = (value = "deeper"));
}

struct Pair(A, B) { a @0 :A; b @1 :B; }
struct Other { x @0 :Int32; }
using TextBox = Box(Text);
using Labels = List(TextBox.Label);
using Inner = TextBox.Label;
using Twice = Pair(TextBox, Pair(Inner, TextBox.Twin));
using Kind = Box(Data).Kind;
using AnyBox = Box;
using BoxAgain = AnyBox(Text);

struct Uses {
  a @0 :TextBox;
  b @1 :Labels;
  c @2 :Inner;
  d @3 :Twice;
  e @4 :Kind = b;
  f @5 :AnyBox;
  g @6 :BoxAgain;
  h @7 :Box(Data).Mine;
  i @8 :Box(Data).Boxes;
  j @9 :Box(Data).Plain;
  k @10 :Box.Twin;
  l @11 :Box(Text).Maker(Data);
  m @12 :Box.Maker;
  n @13 :Box(Box(Box(Data))).Label;
  o @14 :Box(Text).Maker(Data).Third;
  p @15 :List(Box(Text).Maker(Data));
  q @16 :Box(AnyPointer);
  r @17 :Box(List(AnyList));
}

struct Derived(P) {
  a @0 :Box(P);
  b @1 :Box(P).Label;
  c @2 :Box(P).Twin;
  d @3 :Nested.Deep;
  e @4 :Derived(Box(P));
  f @5 :Derived(P).Nested;
  struct Nested {
    x @0 :P;
    struct Deep { y @0 :P; up @1 :Nested; top @2 :Derived(P); other @3 :Derived(Text).Nested; }
    interface Able extends(Box(P).Maker(P)) { get @0 () -> (p :P); }
  }
  group :group { g @6 :P; u :union { v @7 :P; w @8 :Box(P); } }
}

interface Makes extends(Box(Text).Maker(Data), Derived(Data).Nested.Able) {}

const box :TextBox = (value = "text", pair = (a = "a", b = ["b", "c"]));
const boxCopy :Box(Text) = .box;
const label :Inner = (text = "x", of = "y", box = .boxCopy);
const labels :Labels = [.label, (box = .box)];
const twice :Twice = (a = .box, b = (a = .label, b = (a = "1", b = "2")));
const inScope :Box(Text) = Box.ofText;
const inBranded :Box(Text) = Box(Data).ofText;
const unbound :AnyBox = ();

const minus8 :Int8 = -8;
const minus16 :Int16 = -16;
const minus32 :Int32 = -32;
const minus64 :Int64 = -64;
const plus64 :UInt64 = 0xffffffffffffffff;
const half :Float32 = 0.5;
const third :Float64 = 0.333;
const wide8 :Int64 = .minus8;
const wide16 :Int64 = .minus16;
const wide32 :Int64 = .minus32;
const narrow :Int8 = .minus64;
const float8 :Float32 = .minus8;
const floatBig :Float64 = .plus64;
const floatWide :Float64 = .half;
const floatNarrow :Float32 = .third;
const floatInf :Float32 = -inf;
const floatNan :Float64 = nan;
const floatNan32 :Float32 = .floatNan;
const numbers :List(Int64) = [.minus8, .minus16, .minus32, .minus64, 0x7f];
const floats :List(Float32) = [1, -1, .half, .third, inf, nan, 1e30, .minus8];
const kinds :List(Box.Kind) = [a, b];
const nothing :List(Void) = [void, void];
const flags :List(Bool) = [true, false, true];
const anyStruct :AnyPointer = .box;
const anyList :AnyPointer = .numbers;

struct Any {
  a @0 :AnyPointer = .box;
  b @1 :AnyStruct = .label;
  c @2 :AnyList = .numbers;
  d @3 :List(AnyList);
  e @4 :Capability;
}

annotation boxed(*) :Box(Text);
annotation generic(*) :Box(AnyPointer);
struct Annotated $boxed(value = "a", pair = (b = ["x"])) $generic(next = (next = ())) {}
