@0x8f5d14e1c273738d;
# A stream of bytes as a capability.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp");
$Cxx.allowCancellation;

interface ByteStream {
  # The writing end of a stream of bytes.

  write @0 (bytes :Data) -> stream;
  # Append bytes.

  end @1 ();
  # The stream is complete. A stream that is dropped without `end` was cut off, and what was written
  # must not be taken for the whole.

  getSubstream @2 (callback :SubstreamCallback,
                   limit :UInt64 = 0xffffffffffffffff) -> (substream :ByteStream);
  # Get another stream that writes to the same place, so that a proxy can step out of the way. The
  # substream lasts until `limit` bytes have been written to it or until its `end`; `callback` learns
  # which. Nothing may be written to the parent in the meantime.

  startTls @3 (expectedServerHostname :Text) -> stream;
  # From here on speak TLS with the host at the far end, whose certificate must be for the given name.
  # The stream stays in use.

  interface SubstreamCallback {
    # Learns how a substream ended.

    ended @0 (byteCount :UInt64);
    # `end` was called after this many bytes. The parent stream is still open.

    reachedLimit @1 () -> (next :ByteStream);
    # The limit was reached. Bytes beyond it, and everything later, go to `next`.
  }
}
