@0xbc9bc4b2ba7cb1a6;
@0xbc9bc4b2ba7cb1a7;                    # ERROR "^File can only have one ID. \\[file-id-twice\\]"

strukt Misspelt { a @0 :Int32; }        # ERROR "expected a declaration, found 'strukt'"
message Proto { a @0 Int32; }           # ERROR "found 'message'" "expected ':' and a type, found 'Int32'"
nonsense;                               # ERROR "expected a declaration, found 'nonsense'"
field @0 :Int32;                        # ERROR "expected a declaration, found 'field'"
union { a @0 :Int32; }                  # ERROR "expected a declaration, found 'union'"
;                                       # ERROR "expected a declaration, found ';'"
{ a @0 :Int32; }                        # ERROR "expected a declaration, found '{'"
) ]                                     # ERROR "'\\)' closes nothing" "'\\]' closes nothing"
const ok :Int32 = 1;
}                                       # ERROR "'}' closes nothing. \\[unopened\\]"

struct NoBlock;                         # ERROR "^This statement should end with a block, not a semicolon."
enum NoBlock2;                          # ERROR "^This statement should end with a block"
interface NoBlock3;                     # ERROR "^This statement should end with a block"
const block :Int32 = 1 { }              # ERROR "^This statement should end with a semicolon, not a block."
using Block = Int32 { a { b; } }        # ERROR "^This statement should end with a semicolon"
@0xbc9bc4b2ba7cb1a6 { }                 # ERROR "should end with a semicolon" "only have one ID"
$note { }                               # ERROR "should end with a semicolon"

struct @0xbc9bc4b2ba7cb1a6 { }          # ERROR "expected a name for the struct"
struct "Name" { a @0 :Int32; b Int32; } # ERROR "expected a name for the struct" "expected a field or declaration, found 'b'"
struct A B { a :Int32; }                # ERROR "expected '{', found 'B'" "field 'a' has no ordinal. \\[ordinal-missing\\]"
struct Id @0x1234 { }                   # ERROR "^Invalid ID.  Please generate a new one with 'capnpc -i'. \\[bad-id\\]"
struct Id2 @ { }                        # ERROR "expected an id after '@', found '{'"
struct Id3 @x { }                       # ERROR "expected an id after '@', found 'x'"
struct Params(T, 5, U) { }              # ERROR "expected a parameter name, found '5'"
struct Params2(T, , U) { }              # ERROR "Empty list item. \\[empty-item\\]"
struct Params3(T { }                    # ERROR "'\\(' is never closed. \\[unclosed\\]"
@1;                                     # ERROR "Invalid ID" "only have one ID"
@;                                      # ERROR "expected an id after '@'"
$;                                      # ERROR "expected an annotation's name"

const noType = 1;                       # ERROR "expected ':' and a type, found '='"
const noValue :Int32;                   # ERROR "expected '=' and a value, found ';'"
const noValue2 :Int32 = ;               # ERROR "expected a value, found ';'"
const minus :Int32 = -;                 # ERROR "expected a number after '-'"
const minus2 :Int32 = -x;               # ERROR "expected a number after '-', found 'x'"
const member :Int32 = a.;               # ERROR "expected a name after '.'"
const member2 :Int32 = a.5;             # ERROR "expected a name after '.', found '5'"
const absolute :Int32 = .5;             # ERROR "expected a value, found '.'"
const twoValues :Int32 = 1 2;           # ERROR "expected ';', found '2'"
const values :List(Int32) = [1, 2 3, =, 4, -, 5];  # ERROR "expected ',' or ']', found '3'" "expected a value, found '='" "expected a number"
const mixed :List(Int32) = [(1, 2], 3];  # ERROR "expected ',' or '\\)', found '\\]'" "expected ';', found ','"
const tuple :T = (a = , b = 1, c);      # ERROR "expected a value, found ','"
const importNothing :T = import;
const importTwo :T = import "a" "b";    # ERROR "expected ';', found '\"b\"'"

using;                                  # ERROR "expected a name or a declaration"
using Bar;                              # ERROR "^'using' declaration without '=' must specify a named declaration"
using .Bar;                             # ERROR "^'using' declaration without '='"
using import "other.capnp";             # ERROR "^'using' declaration without '='"
using List(Int32);                      # ERROR "^'using' declaration without '='"
using X = ;                             # ERROR "expected a declaration, found ';'"
using X = Y $note;                      # ERROR "expected ';', found '\\$'"

annotation none :Text;                  # ERROR "expected '\\(', found ':'"
annotation wild(*, field) :Text;        # ERROR "^Wildcard should not be specified together with other targets. \\[target-wildcard\\]"
annotation bad(fields) :Text;           # ERROR "^Not a valid annotation target. \\[target-unknown\\]"
annotation twice(field, struct, field) :Text;  # ERROR "^Duplicate target specification. \\[target-twice\\]"
annotation number(5, field) :Text;      # ERROR "expected an annotation target, found '5'"
annotation typeless(field);             # ERROR "expected ':' and a type"

enum Enum {
  a;                                    # ERROR "enumerant 'a' has no ordinal"
  b @1 :Int32;                          # ERROR "expected ';', found ':'"
  c @65536;                             # ERROR "^Ordinals cannot be greater than 65535. \\[ordinal-range\\]"
  d @99999999999999999999;              # ERROR "too big"
  @4;                                   # ERROR "expected an enumerant, found '@'"
  f @5 { }                              # ERROR "should end with a semicolon"
  struct Inside { }                     # ERROR "expected an enumerant, found 'struct'"
  g @6                                  # ERROR "missing ';'"
}

interface Methods extends Enum { }      # ERROR "expected '\\(', found 'Enum'"
interface Methods2 extends(, ) {        # ERROR "Empty list item"
  noOrdinal (a :Int32) -> ();           # ERROR "method 'noOrdinal' has no ordinal"
  noParams @0;                          # ERROR "expected the method's parameters"
  noResults @1 () -> ;                  # ERROR "expected the method's results"
  params @2 (a Int32, b, c :, d :Int32 = , e :Int32) -> ();  # ERROR "found 'Int32'" "':' and a type, found ','" "expected a type, found ','" "expected a value"
  field @3 :Int32;                      # ERROR "expected the method's parameters, found ':'"
  implicit @4 [T, 5] () -> ();          # ERROR "expected a parameter name, found '5'"
  block @5 () -> () { }                 # ERROR "should end with a semicolon"
  open @6 (a :Int32;                    # ERROR "'\\(' is never closed"
  fine @7 ();
  x :Int32;                             # ERROR "method 'x' has no ordinal"
  union { }                             # ERROR "expected a method or declaration, found 'union'"
  $note;                                # ERROR "expected a method or declaration, found '\\$'"
}

interface Confused {
  m @0 (a :List(Text = null,
        b :List(Int32) = [],            # ERROR "expected ',' or '\\)', found ':'"
        c :Int32 = 5) -> ();
}

enum Unclosed {
  a @0;

struct Next { x @0 :Int32; }            # ERROR "expected an enumerant, found 'struct'"
interface Then { m @0 (); }
const more :Int32 = 1;

}

struct TooEarly {
  a @0 :Int32;
  }
  b @1 :Int32;                          # ERROR "expected a declaration, found 'b'"
  c @2 :Text;
  d :group { e @3 :Int32; }
}
