@0xd8f2a1b3c4e50618;
# A value that is no struct stands for the first field of one.

struct Coerced {
  first @0 :Int16;
  text @1 :Texts;
  struct Texts { t @0 :Text; more @1 :List(Coerced); }
  group :group { g @2 :UInt8; h @3 :UInt8; }
  union {
    u @4 :Float32;
    choice :group { c @5 :Bool; d @6 :Text; }
    many :group { union { e @7 :Void; f @8 :UInt64 = 7; } i @9 :Text; }
  }
}
const coerced :Coerced = -5;
const nested :Coerced.Texts = "first";
const within :Coerced = (first = 1, text = "wrapped", group = 200, choice = true);
const list :List(Coerced) = [1, (first = 2), 3];
const inList :Coerced.Texts = (more = [4, (text = "five")]);
const grouped :Coerced = (group = (h = 3), many = (f = 9, i = "i"));
const groupTwice :Coerced = (many = (f = 9, i = "i"), many = (e = void));
const unionTwice :Coerced = (u = 1.5, choice = (d = "last"));


struct Box(T) { value @0 :T; annotation about(*) :T; }
annotation boxed(*) :Box(Text);
struct Annotated $boxed("first") $Box(Text).about("bound") {}
struct AnnotatedToo $Box(Coerced).about(-1) {}
