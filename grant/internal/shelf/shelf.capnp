@0xb8f0a9d6a1c54e37;
# Objects to grant in tests: a shelf of boxes that hold numbers.

using Lanyard = import "/lanyard.capnp";

interface Shelf @0xd1a7f0a3c4be9b52 {
  box @0 (name :Text) -> (box :Box) $Lanyard.readOnly;
  # The box of a name. There is one of every name.

  itself @1 () -> (shelf :Shelf) $Lanyard.readOnly;
  # This shelf.
}

interface Box @0xe9c3b1d45f7a0861 {
  add @0 (n :Int64) -> (sum :Int64);
  # Put a number in.

  sum @1 () -> (sum :Int64) $Lanyard.readOnly;
  # What is in the box.

  hold @2 () -> ();
  # Add one, let others start, and return when the box is let go or the call is cancelled.

  take @3 (thing :Shelf) -> (same :Bool);
  # Whether the thing is the very shelf that the box stands on.
}
