@0xb3cc5d780ee82d45;
# What the peers in interop/ and bench/ offer to each other: small methods, one
# for each thing worth measuring or breaking. It is a test service and may
# change whenever its users in this repository change with it.

interface Probe {
  # Every method may be called at any time and in any order.

  self @0 () -> (self :Probe);
  # Returns the object it was called on. Chains of pipelined self() calls are
  # the measure of promise pipelining.

  echo @1 (data :Data) -> (data :Data);
  # Returns its argument.

  callBack @2 (sink :Sink, count :UInt32, size :UInt32) -> (total :UInt64);
  # Calls sink.push() `count` times without waiting in between, with `size`
  # bytes each, and returns the sum of what the sink returned.

  write @3 (chunk :Data) -> stream;
  # Swallows a chunk.

  written @4 () -> (bytes :UInt64, chunks :UInt64);
  # How much write() has swallowed on this object since the last written().

  reflect @5 (cap :Capability) -> (cap :Capability);
  # Returns the capability it was given: calls made on the result before it
  # arrives travel to the server and back, and must not be overtaken.

  defer @6 (cap :Capability, gate :Sink) -> (cap :Capability);
  # As reflect, after one gate.push(0, "") has returned: the result stays a
  # promise for as long as the caller likes.

  ticket @7 () -> (number :UInt64);
  # Returns 0, 1, 2 … on one object: shows the order in which calls started.

  fail @8 (kind :Kind, text :Text) -> ();
  # Throws.

  hang @9 () -> ();
  # Returns only when it is cancelled.

  fresh @10 () -> (probe :Probe);
  # A new object with counters of its own.

  open @11 (failAfter :UInt32) -> (sink :ByteSink);
  # A new stream. Where failAfter is not zero, the chunk after so many fails.

  pump @12 (sink :ByteSink, chunks :UInt32, size :UInt32) -> (bytes :UInt64);
  # Streams `chunks` chunks of `size` bytes into the sink, ends it, and returns
  # what that said.

  canceled @13 () -> (count :UInt64);
  # How many hang() of this object were cancelled since the last canceled(). A
  # server that cannot be cancelled lacks it.

  enum Kind {
    failed @0;
    overloaded @1;
    disconnected @2;
    unimplemented @3;
  }
}

interface Sink {
  push @0 (sequence :UInt32, data :Data) -> (accepted :UInt64);
  # Returns the number of bytes it took.
}

interface ByteSink {
  write @0 (sequence :UInt32, chunk :Data) -> stream;
  # Takes the next chunk: sequence counts them, from 0.

  end @1 () -> (chunks :UInt64, bytes :UInt64);
  # How much there was.
}
