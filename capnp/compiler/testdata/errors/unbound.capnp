@0xb1a2c3d4e5f60707;

struct Box(T) {
  a @0 :T = "text";  # ERROR `Cannot interpret value because the type is a generic type parameter which is not yet bound.* \[unbound-value\]`
  b @1 :Box(T) = (a = "text");  # ERROR `Cannot interpret value because the type is a generic type parameter`
  c @2 :Box(Text) = (a = "text");
  d @3 :Box(Text) = (a = 0x"61");  # ERROR `Type mismatch; expected Text`
}
