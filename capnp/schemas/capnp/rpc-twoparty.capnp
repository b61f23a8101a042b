@0xa184c7885cdaf2a1;
# What rpc.capnp leaves to the network, filled in for the simplest network: two vats and one
# connection. There is no third party, so the types for handoff are empty.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp::rpc::twoparty");

enum Side {
  # Which end of the connection a vat is.

  server @0;
  # The end that accepted the connection, or the first of a pair.

  client @1;
  # The end that made the connection.
}

struct VatId {
  # Names a vat of the connection.

  side @0 :Side;
}

struct ThirdPartyCompletion {
  # What `Accept` would carry. With two parties it occurs only while joining.

  joinId @0 :UInt32;
  # The join whose object is to be picked up.
}

struct ThirdPartyToAwait {
  # Unused: there is nobody to await.
}

struct ThirdPartyToContact {
  # Unused: there is nobody to contact.
}

struct JoinKeyPart {
  # One part of a join. All parts travel over the same connection, so no secret is needed.

  joinId @0 :UInt32;
  # The join this part belongs to, chosen by the joiner.

  partCount @1 :UInt16;
  # How many parts the join has.

  partNum @2 :UInt16;
  # Which part this is, counted from zero.
}

struct JoinResult {
  # The answer to one part of a join.

  joinId @0 :UInt32;
  # The join this result belongs to.

  succeeded @1 :Bool;
  # Whether every part arrived at the same object.

  cap @2 :Capability;
  # The joined object. Set in one of the results of a join that succeeded.
}
