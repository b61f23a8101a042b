@0xb745f6137c79bc42;
# What a narrowed capability is made of, as data: a list of steps from an object to the capability
# that is given to somebody.

using Go = import "/go.capnp";

struct Chain @0x88a74afd3706eff9 $Go.name("ChainMessage") {
  # Steps in the order in which they are applied to the object. Encoded, it is one segment, whose
  # content is laid out in the order of the fields, so that equal steps are equal bytes.

  steps @0 :List(Step);
}

struct Step @0xceaa77b377ab63c2 $Go.name("StepMessage") {
  # One step. Who does not know the kind of a step refuses the whole chain.

  union {
    narrow @0 :Narrowing;
    # The same object, less of it.

    call @1 :PathCall;
    # Another object: what a call of the one so far returns.
  }
}

struct Method @0xcc08380658c1ffaf $Go.name("MethodMessage") {
  # A method, as calls name it.

  interfaceId @0 :UInt64;
  # The interface that declares the method.

  methodId @1 :UInt16;
  # Its ordinal there.
}

struct Narrowing @0xfbf259d2bbcf8599 $Go.name("NarrowingMessage") {
  # What of an object can be used. Everything that is said has to hold for a call to pass.

  interfaceId @0 :UInt64;
  # The interface by whose schema readOnly and where are understood.

  methods :union {
    all @1 :Void;
    # Every method.

    only @2 :List(Method);
    # These, in ascending order; none if the list is empty.
  }

  readOnly @3 :Bool;
  # Only methods that are annotated readOnly.

  where @4 :List(Text);
  # Conditions on arguments; see the manual of the language.

  notAfter @5 :Int64;
  # Nanoseconds since 1970 in UTC from which on nothing passes; 0 for never.

  uses @6 :UInt64;
  # How many calls; 0 for any number.

  bytes @7 :UInt64;
  # How many bytes of parameters; 0 for any number.

  concurrency @8 :UInt32;
  # How many calls at a time; 0 for any number.

  rate :group {
    # How often, on average. No limit if calls is 0.

    calls @9 :UInt32;
    # Calls in each period.

    per @10 :Int64;
    # The period in nanoseconds.

    burst @11 :UInt32;
    # How many may come at once; 0 for as many as calls.
  }
}

struct PathCall @0xac6c40c020a00590 $Go.name("PathCallMessage") {
  # A call whose result is the next object. It is made anew whenever the chain is applied, so only
  # methods that are annotated readOnly or idempotent are accepted.

  interfaceId @0 :UInt64;
  # The interface that declares the method.

  methodId @1 :UInt16;
  # Its ordinal there.

  params @2 :AnyStruct;
  # The arguments; there are no capabilities in them.

  result @3 :List(UInt16);
  # The pointer fields that lead to the capability in the results.

  resultId @4 :UInt64;
  # The interface of the next object, for those who show the chain; 0 if it is not known.
}
