@0xb1a2c3d4e5f60704;

struct Plain { x @0 :Int32; }

interface Extends extends(Plain) {}  # ERROR `'Plain' is not an interface. \[not-an-interface\]`
interface ExtendsParameter(T) extends(T) {}  # ERROR `'T' is an unbound generic parameter. .* \[extends-parameter\]`
interface Methods(T) {
  a @0 Text -> ();  # ERROR `'Text' is not a struct type. \[not-a-struct\]`
  b @1 T -> ();  # ERROR `Cannot use generic parameter as whole input or output of a method. .* \[parameter-as-struct\]`
  c @2 stream -> ();  # ERROR `'stream' can only appear after '->', not before. \[stream-input\]`
  d @3 (x :Int32 = null, y :Text = null);  # ERROR `Only pointer parameters can declare their default as 'null'. \[null-default\]`
  e @4 [U] (x :U) -> ();
  f @5 Plain -> Plain;
  g @6 () -> Nothing;  # ERROR `Not defined: Nothing`
}
