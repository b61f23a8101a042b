@0xc7a0f8a8fd3bb2d1;
# An interface with arguments of every type.

using Lanyard = import "/lanyard.capnp";

interface Base @0xe36d9b8f7a1dd6a0 {
  # What desks have in common with other things.

  ping @0 (n :UInt32) -> (n :UInt32) $Lanyard.readOnly;
  # Returns its argument.

  id @1 () -> (id :Text) $Lanyard.idempotent;
  # A method called like a field of others.
}

interface Desk @0xb0b1f0bd8be3a5d2 extends(Base) {
  # Something with many kinds of arguments.

  send @0 (text :Text, to :List(Text), urgent :Bool, blob :Data, sink :Capability) -> (n :UInt32);
  # Counts.

  find @1 (prefix :Text = "x", limit :UInt16 = 10) -> (n :UInt32) $Lanyard.readOnly;
  # Counts.

  get @2 (id :Text) -> (item :Item) $Lanyard.readOnly;
  # An item, which is an object of its own.

  put @3 (id :Text, op :Op, numbers :Numbers) -> (n :UInt32);
  # Counts.

  draw @4 (shape :Shape) -> (n :UInt32);
  # Counts.

  drawer @5 (id :Text, in :Bool) -> (inner :Holder) $Lanyard.idempotent;
  # Another desk, some way into the result.

  lists @6 (bools :List(Bool), numbers :List(UInt64), shapes :List(Shape), nested :List(List(Int8)),
            any :AnyPointer, text :Text) -> (n :UInt32);
  # Counts.

  stop @7 ();
  # A method without arguments.

  struct Holder @0xc5b7b1d9ab0d2b93 {
    # Holds a desk.

    desk @0 :Desk;
    # The desk.
  }
}

interface Item @0xf3d0b0d6bb5b7e4c {
  # An object that a desk hands out.

  read @0 (from :UInt32, size :UInt32) -> (n :UInt32) $Lanyard.readOnly;
  # Counts.

  write @1 (text :Text, password :Text $Lanyard.secret) -> (n :UInt32);
  # Counts.
}

enum Op @0xa1a7e7ac5cb1a1fb {
  # What is done to a number.

  add @0;
  subtract @1;
  multiply @2;
}

struct Numbers @0xd5d1c9f3d5ad5fc5 {
  # One of each.

  i8 @0 :Int8 = -3;
  i16 @1 :Int16;
  i32 @2 :Int32 = 7;
  i64 @3 :Int64;
  u8 @4 :UInt8;
  u16 @5 :UInt16 = 500;
  u32 @6 :UInt32;
  u64 @7 :UInt64;
  f32 @8 :Float32;
  f64 @9 :Float64 = 1.5;
  flag @10 :Bool = true;
  op @11 :Op = subtract;
}

struct Shape @0xf9c6b8a1bb5ff6d8 {
  # A union with members of several kinds.

  label @0 :Text;
  # What it is called.

  union {
    circle :group {
      # A round one.

      radius @1 :Float64;
      # From the middle to the edge.
    }
    box :group {
      # An angular one.

      width @2 :UInt32;
      # From left to right.

      height @3 :UInt32;
      # From top to bottom.
    }
    point @4 :Void;
    # Nothing but a place.

    name @5 :Text;
    # One that is known by its name.

    inner @6 :Shape;
    # One in another.
  }

  style :union {
    # A union with a name.

    plain @7 :Void;
    # Without anything.

    color @8 :UInt32;
    # As red, green and blue.
  }
}
