@0xb8630836983feed7;
# Saving capabilities, so that they survive the connection (RPC level 2).

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp");

interface Persistent @0xc8cb212fcd9f5691 (SturdyRef, Owner) {
  # An object that can be saved implements this interface beside its own. `SturdyRef` is the kind of
  # reference the network uses, `Owner` the kind of identity a reference can be sealed for.

  save @0 SaveParams -> SaveResults;
  # Save the object and return a reference from which it can be restored later.

  struct SaveParams {
    sealFor @0 :Owner;
    # Only this owner can restore the reference. Null leaves it to the realm: often anybody who knows it.
  }

  struct SaveResults {
    sturdyRef @0 :SturdyRef;
    # The reference. Treat it as a secret unless it was sealed for an owner.
  }
}

annotation persistent(interface, field) :Void;
# Objects of this interface, or in this field, are expected to implement `Persistent`.
