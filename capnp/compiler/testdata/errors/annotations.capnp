@0xb1a2c3d4e5f60708;

annotation onField(field) :Text;
annotation onStruct(struct) :Text;
annotation nothing(*) :Void;

struct A $onField("x") {}  # ERROR `'onField' cannot be applied to this kind of declaration. \[annotation-target\]`
struct B $onStruct {}  # ERROR `'onStruct' requires a value. \[annotation-value\]`
struct C $A {}  # ERROR `'A' is not an annotation. \[not-an-annotation\]`
struct D(T) { x @0 :Int32 $T; }  # ERROR `'T' is not an annotation`
struct E $onStruct(1) {}  # ERROR `Type mismatch; expected Text`
struct F $nothing(1) {}  # ERROR `Type mismatch; expected Void`
struct G $missing("x") {}  # ERROR `Not defined: missing`
interface H {
  m @0 (x :Int32 $onField("x"));  # ERROR `'onField' cannot be applied to this kind of declaration`
}
