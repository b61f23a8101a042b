@0xe0a1b2c3d4e5f607;
# A package with the name of the runtime's.

struct Client {
  # Has the name of a type of the runtime.

  id @0 :UInt64;
}

interface Hook {
  call @0 (client :Client) -> (hook :Hook);
}
