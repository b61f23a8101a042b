@0xd8e1f3a2b4c59607;
# Types that the schemas beside this one import.

struct Point {
  # A place in the plane.

  x @0 :Int32;
  y @1 :Int32;
}

enum Colour {
  red @0;
  green @1;
  blue @2;
}

struct Holder {
  # Holds a capability and something that holds one.

  named @0 :Named;
  inner @1 :Holder;
}

interface Named {
  # Something with a name.

  name @0 () -> (name :Text);
  # The name.
}

interface Counted extends(Named) {
  count @0 () -> (n :UInt64);
}

interface Sized extends(Named) {
  size @0 Point -> Holder;
}
