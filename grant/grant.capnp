@0xc8484f46b6ee3bf0;
# What every capability that a ledger keeps answers beside its own interface: it can be saved, shared,
# looked at and taken back.

using Lanyard = import "/lanyard.capnp";
using Step = import "../ocap/narrow/narrow.capnp".Step;
using Persistent = import "/capnp/persistent.capnp".Persistent;

interface Grant @0xe777435d9f35d221 extends(Persistent(SturdyRef, Owner)) {
  # A grant is a capability that somebody was given, seen as an edge of the ledger. Who holds it has a
  # say over what was shared from it, directly or further down, and over nothing else: every other edge
  # is answered as if there were none. `save` shares it whole, under the label "saved".

  info @0 () -> (edge :Edge) $Lanyard.readOnly;
  # The edge that this grant is.

  share @1 (label :Text, steps :List(Step), expires :Int64, uses :UInt64, sealFor :Owner)
      -> (reference :SturdyRef, edge :Edge);
  # Record a new edge below this one, and get a reference that restores to this capability after the
  # steps. The label says to whom or what for: it is how the sharer finds the edge again, and must not
  # be that of another edge that was shared from this one and is in force. Nothing passes from `expires` on
  # (nanoseconds since 1970 in UTC; 0 for never), nor after `uses` calls (0 for any number). If `sealFor`
  # is set only that owner can restore the reference.

  list @2 (under :Selector, deep :Bool, after :UInt64, max :UInt32) -> (edges :List(Edge), next :UInt64)
      $Lanyard.readOnly;
  # What was shared from an edge; if `deep`, all that is below it. At most `max` edges come, and `next`
  # is then the `after` to go on with, or 0 at the end.

  why @3 (edge :Selector) -> (chain :List(Edge), cause :UInt64, reason :Text) $Lanyard.readOnly;
  # The edges that lead from this grant to one below it, both included. If that one is not alive,
  # `cause` is the edge on the way that is not active, 0 if it is above this grant, and `reason` what
  # its revoker said.

  log @4 (edge :Selector, after :UInt64, max :UInt32) -> (entries :List(Entry), next :UInt64) $Lanyard.readOnly;
  # What happened to an edge and to those below it, oldest first.

  preview @5 (edge :Selector, max :UInt32) -> (affected :Affected) $Lanyard.readOnly;
  # Whom and what `revoke` would affect.

  revoke @6 (edge :Selector, reason :Text, wait :Bool)
      -> (revocation :UInt64, affected :UInt64, silent :List(Text));
  # Take back what was shared. When this returns no call through the edge or anything below it starts
  # any more where this grant is served. With `wait` it returns when that is so everywhere: when every
  # vat has said so or its lease has run out. Those whose lease had to be waited out are named in `silent`.
  # `revocation` is for `undo`. The holders are told the reason.

  undo @7 (revocation :UInt64) -> (affected :UInt64) $Lanyard.idempotent;
  # Put back in force what a revocation by this grant, or by one below it, affected. References restore
  # again; capabilities that died stay dead.

  drop @8 () -> () $Lanyard.idempotent;
  # Give this grant up, and with it everything that was shared from it. There is no undo.
}

struct SturdyRef @0xfbb9160da8194d24 {
  # A reference: who knows it can have the capability, unless it is sealed for somebody else.

  text @0 :Text $Lanyard.secret;
  # As people keep it in files: capnp://…
}

struct Owner @0xc2263368c7e23ed8 {
  # Whom a reference is sealed for.

  key @0 :Data;
  # By what the owner's vat is known, 32 bytes: the SHA-256 of its public key as DER SubjectPublicKeyInfo, which
  # references write in base64 behind sha-256:. Not the public key itself. For a vat that acts for a service it is
  # that of the service's key.
}

struct Selector @0xe1a3b3a873ee3f04 {
  # An edge, as somebody who holds a grant names it.

  union {
    self @0 :Void;
    # The grant that is asked.

    id @1 :UInt64;
    # An edge by its number.

    labels @2 :List(Text);
    # The active edge that was shared from this grant under the first label, or the one that was shared
    # from that under the second, and so on.
  }
}

enum State @0xad24f783e91e1322 {
  # What was done to an edge itself. Whether anything passes depends on the edges above it as well.

  active @0;
  # Nothing.

  expired @1;
  # Its time is over.

  revoked @2;
  # It was taken back.

  dropped @3;
  # Its holder gave it up, for good.
}

struct Edge @0xf25666443762291e {
  # One share: from whom, to whom, what.

  id @0 :UInt64;
  # Its number.

  parent @1 :UInt64;
  # The edge that it was shared from; 0 if that is not for the reader to know.

  from @2 :Text;
  # The label of the edge that it was shared from, as far as the reader may know it.

  label @3 :Text;
  # Under which it was shared.

  text @4 :Text;
  # Its steps, for people.

  steps @5 :List(Step);
  # How it was narrowed from the edge above it.

  created @6 :Int64;
  # Nanoseconds since 1970 in UTC, as all times here.

  expires @7 :Int64;
  # From when on nothing passes; 0 for never.

  lastUsed @8 :Int64;
  # When a call last passed, or it was last restored; 0 for never. It is some seconds late.

  uses @9 :UInt64;
  # How many calls have passed; if there is a maximum, through it and all below it.

  maxUses @10 :UInt64;
  # How many may pass; 0 for any number.

  state @11 :State;
  # What was done to it.

  sealed @12 :Bool;
  # Whether it is sealed for an owner.

  stored @13 :Bool;
  # Whether there is a reference to it. If not, it ends with the process that serves it.

  interface @15 :UInt64;
  # The id of the interface that it has, as far as the host says; 0 if it does not.

  alive @14 :Bool;
  # Whether it and all above it are active.
}

struct Affected @0xcb8a8e6c3f1d5527 {
  # What a revocation affects.

  edges @0 :List(Edge);
  # The edges, the one to be revoked first: as many as were asked for.

  total @1 :UInt64;
  # How many there are.

  live @2 :UInt64;
  # How many of them are in use at the vat that answers.
}

struct Entry @0xd0c9d8fd6f24f3a9 {
  # Something that happened.

  seq @0 :UInt64;
  # Its place in the log.

  time @1 :Int64;
  # When.

  edge @2 :UInt64;
  # To which edge.

  label @3 :Text;
  # That edge's label.

  what @4 :Text;
  # A word for it: shared, revoked, undone, dropped, rotated.

  reason @5 :Text;
  # The words of whoever did it.

  revocation @6 :UInt64;
  # Which revocation was made or undone.
}
