@0xeb73b6798f733be9;
# Annotations on everything that can have one, with values of every type.

using Marks = import "lib/marks.capnp";
using import "/lib/marks.capnp".flag;
using Cxx = import "/capnp/c++.capnp";

$Cxx.namespace("corpus::annotations");
$Marks.mark("a file");
$forFile("a whole file");

annotation forFile(file) :Text;
annotation forConst(const) :Int8;
annotation forEnum(enum) :Int16;
annotation forEnumerant(enumerant) :Int32;
annotation forStruct(struct) :Int64;
annotation forField(field) :UInt8;
annotation forUnion(union) :UInt16;
annotation forGroup(group) :UInt32;
annotation forInterface(interface) :UInt64;
annotation forMethod(method) :Float32;
annotation forParam(param) :Float64;
annotation forAnnotation(annotation) :Bool;
annotation forAnything(*) :Void;
annotation anywhere @0xa479f3a766957e2c (*) :Details;
annotation nowhere() :Void;
annotation typeLike @0x96596daaf2bba0c5 (struct, enum, interface) :Kind $forAnnotation(true);
annotation memberLike(field, enumerant, method, param,) :List(Text) $Marks.mark("x") $anywhere(title = "y");
annotation grouping(union, group) :Data;
annotation scopes(file, const, annotation) :List(Details) $forAnnotation(false) $forAnything;
annotation fileAndGroups(file, union, group) :Void;
annotation constants(const, enum, enumerant) :Void;
annotation calls(interface, method, param) :AnyPointer;

struct Details {
  title @0 :Text;
  level @1 :Int32 = 1;
  tags @2 :List(Text);
  union {
    none @3 :Void;
    because @4 :Text;
  }
}

enum Kind $forEnum(-16) $forAnything $Marks.mark("an enum") {
  simple @0;
  compound @1 $forEnumerant(32);
  weird @2 $flag $memberLike(["a", "b"]) $Marks.mark("enumerant") $constants;
}

enum Second @0xa4c7353e899a2fb6 $typeLike(compound) $constants { only @0 $anywhere(); }

const answer :Int32 = 42 $forConst(-8);
const question :Text = "?" $forConst(1) $scopes([(title = "t", because = "of it"), (level = 2)]);
const list :List(Int32) = [1, 2] $anywhere(title = "list", tags = ["p", "q"],) $forAnything $constants;

struct Everything @0xd826c1d1c73a91b8 $forStruct(-64) $flag $typeLike(simple) $Marks.size(amount = 2.5) {
  field @0 :Text $forField(8);
  withDefault @1 :Int32 = 5 $forField(255) $forAnything $Marks.level(-3);
  part :group $forGroup(32) {
    inPart @2 :Int32 $flag;
    innerPart :group $grouping(0x"01 02") $Marks.mark("group") {
      deep @3 :Bool $forAnything;
    }
  }
  choice :union $forUnion(16) $grouping("text") {
    left @4 :Int8 $memberLike([]);
    right @5 :Int8 $memberLike([.question]);
    both :group $fileAndGroups $forAnything {
      a @6 :Void;
      b @7 :Void;
    }
  }
  other @9! :union $Marks.mark("tagged union") $fileAndGroups {
    one @8 :Text;
    two @10 :Text $Marks.size(amount = 1, system = imperial);
  }
  listed @11 :List(Kind) $anywhere(level = 0x10);
}

struct Generic(T) $Marks.mark("generic") {
  value @0 :T $anywhere(title = "a value", because = "why not");
}

interface Service @0xaca1d05960dd3e5c $forInterface(0xffffffffffffffff) $Marks.mark("interface") {
  call @0 (name :Text $forParam(1.5), count :Int32 = 3 $forParam(-2) $Marks.level(4)) -> (ok :Bool $forAnything)
      $forMethod(0.25);
  notify @1 () $forMethod(-inf) $flag;
  annotated @2 Details -> Details $memberLike(["m"]) $anywhere(none = void);
}

interface Calls $forInterface(0) $typeLike(weird) { nothing @0 () -> () $forAnything; }

const bare :Void = void $forAnything;
