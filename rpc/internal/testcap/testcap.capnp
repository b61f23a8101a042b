@0xe1c5a7f0b2d94a31;
# Objects to test the RPC system with: one for each thing that the C++ implementation's tests of
# capabilities do with theirs.

interface Worker @0xa9d1e0c35b7f4402 {
  # Does simple calls.

  foo @0 (i :UInt32, j :Bool) -> (x :Text);
  # Says whether the parameters are those that the caller is expected to send.

  bar @1 () -> ();
  # Not implemented by the server.

  baz @2 (s :Record) -> ();
  # Checks a larger parameter.

  chain @3 () -> (cap :Chain);
  tailCaller @4 () -> (cap :TailCaller);
  lab @5 () -> (cap :Lab);
  streamer @6 () -> (cap :Streamer);
  # The other objects.
}

interface Boss @0xd2b6f4418c0e9a13 extends(Worker) {
  # More than a Worker.

  qux @0 () -> ();
  corge @1 Record -> ();
  grault @2 () -> Record;
}

struct Record @0xb84a02d7e6315f24 {
  # Something of every kind.

  flag @0 :Bool;
  number @1 :Int64;
  text @2 :Text;
  data @3 :Data;
  numbers @4 :List(UInt16);
  inner @5 :Record;
}

interface Chain @0xc7e81b5f20d46935 {
  # Returns capabilities to pipeline on.

  give @0 (n :UInt32, with :Worker) -> (s :Text, box :Box);
  # Calls with.foo and returns a Boss.

  pointers @1 (cap :Worker, any :AnyPointer, list :List(Worker)) -> ();
  # Carries capabilities in every kind of field.

  giveEarly @2 () -> (box :Box);
  # Never returns, but says early where the capability of its result is.

  struct Box @0x9d3a6c81f5e20b46 {
    cap @0 :Worker;
  }
}

interface Sequence @0x8f20d9e4b6a17c57 {
  # Counts its calls.

  next @0 (expected :UInt32) -> (n :UInt32);
  # Returns 0, 1, 2 …; expected is for the reader of a trace.
}

interface TailCallee @0xf61c3ab8d57e4068 {
  foo @0 (i :UInt32, t :Text) -> Result;

  struct Result @0xe30b97d2c14f8579 {
    i @0 :UInt32;
    t @1 :Text;
    c @2 :Sequence;
  }
}

interface TailCaller @0xb5f7e2604d93a18a {
  foo @0 (i :UInt32, callee :TailCallee) -> TailCallee.Result;
}

interface Streamer @0xa0c4d81e7b2f569b {
  # Adds up what is streamed to it.

  addI @0 (i :UInt32) -> stream;
  addJ @1 (j :UInt32) -> stream;
  finish @2 () -> (totalI :UInt32, totalJ :UInt32);
  fill @3 (data :Data) -> stream;
}

interface Handle @0xdd5180f3c96be7ac {
  # Nothing but its existence.
}

interface Lab @0xc2e94b07a6d83fbd extends(Sequence) {
  # Everything that has to do with holding, returning and losing capabilities.

  callFoo @0 (cap :Worker) -> (s :Text);
  # Calls cap.foo.

  callFooWhenResolved @1 (cap :Worker) -> (s :Text);
  # Waits until cap is no promise any more, then calls it.

  neverReturn @2 (cap :Worker) -> (copy :Worker);
  # Holds its parameter until it is cancelled.

  hold @3 (cap :Worker) -> ();
  callHeld @4 () -> (s :Text);
  held @5 () -> (cap :Worker);
  # Stores a capability, calls it, gives it back.

  echo @6 (cap :Sequence) -> (cap :Sequence);

  describe @7 (a :Text, b :UInt32 = 123, c :Text = "foo") -> (d :Text, e :Text = "bar");
  # Parameters and results with defaults.

  handle @8 () -> (handle :Handle);
  # A new object each time.

  null @9 () -> (nothing :Lab);
  # A null capability.

  enormous @10 () -> (s :Text);
  # More than any message may hold.

  fail @11 (how :Failure) -> ();
  # Fails.

  stubborn @12 () -> ();
  # Takes no notice of cancellation: returns when the test says so.

  enum Failure {
    plain @0;
    remote @1;
    detailed @2;
    panic @3;
    goexit @4;
  }
}

interface Generic @0x97b3f6e8015dc4ce (T) {
  # Parameters of type.

  swap @0 [U] (t :T, u :U) -> (t :T, u :U);
}

interface Names @0xee48a2d1397c50df {
  # Methods called like Go's words and like those that every capability has in Go.

  delete @0 ();
  return @1 ();
  func @2 () -> (type :Text);
  release @3 ();
  resolve @4 ();
  string @5 ();
  isNull @6 ();
}
