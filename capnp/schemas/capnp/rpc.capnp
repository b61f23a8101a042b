@0xb312981b2552a250;
# The messages of the RPC protocol.
#
# A connection joins two vats, each of which hosts objects and holds references to objects of the other.
# Both send a stream of `Message`s. There is no client and no server here, only a sender and a receiver of
# the message at hand.
#
# Each vat keeps four tables. Its questions are the other's answers, its exports are the other's imports:
#
# - questions: calls it has made. The caller picks the number. It may be used again once Return has
#   come and Finish has gone.
# - answers: calls it has been asked to make.
# - exports: objects and promises it has told the other about. The exporter picks the number, and
#   counts how often it has sent it; Release takes counts back.
# - imports: objects and promises it was told about.
#
# All numbers belong to one connection and are gone with it. What is sent in order is delivered in order:
# two calls on one reference arrive as they were made, even while the reference changes from a promise
# into something nearer.
#
# The comments name levels. Level 0 is calls on the bootstrap object, level 1 adds references to objects
# and pipelining, level 2 saved references (see persistent.capnp), level 3 handing a reference
# to a third vat, level 4 joining references that lead to the same object.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("capnp::rpc");

using QuestionId = UInt32;
# A row of the sender's question table. Numbers with bit 30 or 31 set have special uses, see
# `ThirdPartyAnswer` and `Call.onlyPromisePipeline`.

using AnswerId = QuestionId;
# A row of the sender's answer table, which is the same number as the receiver's question.

using ExportId = UInt32;
# A row of the sender's export table. Each time the number is sent in a descriptor, the receiver holds one more
# count on it.

using ImportId = ExportId;
# A row of the sender's import table, which is the same number as the receiver's export.

struct Message {
  # One message of the stream.

  union {
    unimplemented @0 :Message;
    # The peer sent this message and it was not understood. Whoever gets its own message back undoes what
    # it stood for, as if the question had failed or the capability had been released.

    abort @1 :Exception;
    # The connection is broken beyond repair and this is why. Nothing follows.

    bootstrap @8 :Bootstrap;
    # Ask for the peer's first object. (level 0)

    call @2 :Call;
    # Call a method. (level 0)

    return @3 :Return;
    # Answer a question. (level 0)

    finish @4 :Finish;
    # Done with an answer, or no longer interested in it. (level 0)

    resolve @5 :Resolve;
    # What an exported promise has become. (level 1)

    release @6 :Release;
    # Give back counts on an import. (level 1)

    disembargo @13 :Disembargo;
    # A marker that travels a reference's old path, so that nothing overtakes. (level 1)

    obsoleteSave @7 :AnyPointer;
    # Never used.

    obsoleteDelete @9 :AnyPointer;
    # Never used.

    provide @10 :Provide;
    # Keep an object ready for a third vat. (level 3)

    accept @11 :Accept;
    # Pick up an object that was kept ready. (level 3)

    thirdPartyAnswer @14 :ThirdPartyAnswer;
    # Adopt a call that was made over another connection. (level 3)

    join @12 :Join;
    # Find the object that several references lead to. (level 4)
  }
}

struct Bootstrap {
  # Ask for the object a vat offers to everybody who can connect to it. Answered by a Return whose content is
  # a capability pointer. (level 0)

  questionId @0 :QuestionId;
  # A new question.

  deprecatedObjectId @1 :AnyPointer;
  # Once chose among several first objects. Leave it null; a first object with methods does it better.
}

struct Call {
  # Call a method of an object. (level 0)

  questionId @0 :QuestionId;
  # A new question.

  target @1 :MessageTarget;
  # The object to call.

  interfaceId @2 :UInt64;
  # The interface the method was declared in.

  methodId @3 :UInt16;
  # The method's ordinal in that interface.

  allowThirdPartyTailCall @8 :Bool = false;
  # The receiver may answer with `awaitFromThirdParty`. (level 3)

  noPromisePipelining @9 :Bool = false;
  # No call will be pipelined on the answer, so the receiver need not prepare for any.

  onlyPromisePipeline @10 :Bool = false;
  # Only pipelined calls matter, and the receiver may omit the Return. Then nobody knows when the number is
  # free again; such questions therefore take numbers with bit 31 set, in turn.

  params @4 :Payload;
  # The parameters: `content` is a struct.

  sendResultsTo :union {
    # Where the results go.

    caller @5 :Void;
    # Back to the sender.

    yourself @6 :Void;
    # The receiver keeps them, for another question of its own that the sender answers with
    # `takeFromOtherQuestion`, and returns `resultsSentElsewhere`. So a vat that sends a call back to
    # where it came from does not carry the results there and back. (level 1)

    thirdParty @7 :ThirdPartyToContact;
    # To another vat, to be announced there by a `ThirdPartyAnswer`. (level 3)
  }
}

struct Return {
  # Answer a question. (level 0)

  answerId @0 :AnswerId;
  # The question as its sender numbered it.

  releaseParamCaps @1 :Bool = true;
  # Every capability in the parameters is released, as if by one Release of one count for each descriptor.

  noFinishNeeded @8 :Bool = false;
  # The answer is already forgotten and needs no Finish; one that comes is ignored. Only right when the
  # results hold no capability.

  union {
    results @2 :Payload;
    # It worked. `content` is a struct; for Bootstrap and Accept it is a capability pointer.

    exception @3 :Exception;
    # It failed.

    canceled @4 :Void;
    # It was given up because a Finish came first.

    resultsSentElsewhere @5 :Void;
    # The call's `sendResultsTo` was something other than `caller`, and the results are there.

    takeFromOtherQuestion @6 :QuestionId;
    # The results are those of a question that the sender had asked with `sendResultsTo.yourself`. Each
    # question can be taken from once. (level 1)

    awaitFromThirdParty @7 :ThirdPartyToAwait;
    # Another vat will announce itself with the results. (level 3)
  }
}

struct Finish {
  # Done with an answer. If it has not come yet, the call may be given up, unless pipelined calls need it.
  # (level 0)

  questionId @0 :QuestionId;
  # The question.

  releaseResultCaps @1 :Bool = true;
  # Every capability in the results is released, whether they have arrived or not. False if the sender means
  # to release them one by one.

  requireEarlyCancellationWorkaround @2 :Bool = true;
  # True from senders that may finish a question whose call they still want delivered; the receiver
  # then starts the call before it takes notice of the Finish. Those who know better set it to false.
}

struct Resolve {
  # An exported promise has become something. From now on the receiver sends its calls there, after an
  # embargo if calls are still on their way by the old path. (level 1)

  promiseId @0 :ExportId;
  # The promise. It stays in the table until it is released.

  union {
    cap @1 :CapDescriptor;
    # What it has become. The descriptor counts as any other.

    exception @2 :Exception;
    # It broke.
  }
}

struct Release {
  # Give back counts on an import. (level 1)

  id @0 :ImportId;
  # The import.

  referenceCount @1 :UInt32;
  # How many counts. The exporter drops the object when none is left.
}

struct Disembargo {
  # When a promise resolves to something nearer, calls already sent take the long way. New calls have to
  # wait (they are under embargo) until this message has followed the old ones to the end of the
  # long way. (level 1)
  #
  # A vat that has passed on a promise as resolved to some reference keeps forwarding to that very
  # reference, even if it learns that the reference has itself become nearer; otherwise paths that
  # shorten at several places at once could break the order.

  target @0 :MessageTarget;
  # The promise whose old path this is.

  using EmbargoId = UInt32;
  # Picked by the sender of `senderLoopback`, who gets it back.

  using ThirdPartyEmbargoId = Data;
  # Picked at random by the vat that accepts, so that it is unique everywhere.

  context :union {
    # What kind of shortening it is.

    senderLoopback @1 :EmbargoId;
    # The promise leads back to the sender. The receiver answers with `receiverLoopback` along the same path,
    # after all calls that came before.

    receiverLoopback @2 :EmbargoId;
    # The answer to `senderLoopback`: lift the embargo with this number.

    accept @3 :ThirdPartyEmbargoId;
    # The promise leads to a third vat, where an `Accept` with the same `embargo` waits. Passed on from
    # vat to vat until it gets there; with a `promisedAnswer` as target it speaks of a `Provide`. (level 3)
  }
}

struct Provide {
  # Keep an object ready for another vat, which picks it up with Accept. There is no Return. (level 3)

  questionId @0 :QuestionId;
  # A new question; its Finish withdraws the offer. Send that when the vine is released.

  target @1 :MessageTarget;
  # The object.

  recipient @2 :ThirdPartyToAwait;
  # Who is going to ask. The same offer can be accepted more than once.
}

struct Accept {
  # Pick up an object that another vat told the receiver to keep ready. (level 3)

  questionId @0 :QuestionId;
  # A new question. The answer is a capability pointer.

  provision @1 :ThirdPartyCompletion;
  # Which object.

  embargo @2 :Disembargo.ThirdPartyEmbargoId;
  # If not null, the answer and calls pipelined on it wait until a Disembargo with the same bytes has come
  # by way of the vat that made the introduction.
}

struct ThirdPartyAnswer {
  # Adopt a call that another vat received with `sendResultsTo.thirdParty`: a Return for it follows on
  # this connection. (level 3)

  completion @0 :ThirdPartyCompletion;
  # Which call. It matches the `awaitFromThirdParty` that the receiver gets on the other connection,
  # before or after this.

  answerId @1 :AnswerId;
  # The number the call has from now on, picked by the sender of this message for once: bit 30 set,
  # bit 31 clear. The receiver treats it as a question of its own and sends a Finish.
}

struct Join {
  # One of several messages, sent along references that may lead to the same object. The object's vat gathers
  # the parts and lets the sender connect straight to it. Nobody on the way learns the whole key.
  # (level 4)

  questionId @0 :QuestionId;
  # A new question. The answer's content is a `JoinResult`; finish it only when the join is over.

  target @1 :MessageTarget;
  # The reference this part is sent along.

  keyPart @2 :JoinKeyPart;
  # This part of the key.
}

struct MessageTarget {
  # The object a message is for.

  union {
    importedCap @0 :ImportId;
    # An export of the receiver.

    promisedAnswer @1 :PromisedAnswer;
    # Something in the results of an earlier question, whether they have come or not.
  }
}

struct Payload {
  # Parameters or results.

  content @0 :AnyPointer;
  # The value. Its capability pointers are indices into `capTable`.

  capTable @1 :List(CapDescriptor);
  # What the capability pointers mean.
}

struct CapDescriptor {
  # A capability, described to the receiver. There is no descriptor for a broken one; send a promise and
  # resolve it to an exception. (level 1)

  union {
    none @0 :Void;
    # No capability: null, or a slot that is no longer used.

    senderHosted @1 :ExportId;
    # An object that the sender exports. One more count.

    senderPromise @2 :ExportId;
    # A promise that the sender exports and that it has not resolved yet. One more count. One Resolve will
    # come, however often the promise is sent.

    receiverHosted @3 :ImportId;
    # An object or promise of the receiver's.

    receiverAnswer @4 :PromisedAnswer;
    # Something in the results of a question the sender has asked.

    thirdPartyHosted @5 :ThirdPartyCapDescriptor;
    # An object in a third vat. A receiver below level 3 uses the vine.
  }

  attachedFd @6 :UInt8 = 0xff;
  # Which of the file descriptors sent along with the message belongs to the capability. A number that
  # is too large, like the default, means none. A descriptor belongs to one capability at most.
}

struct PromisedAnswer {
  # A capability in the results of a question, named before they are there. (level 1)

  questionId @0 :QuestionId;
  # The sender's question.

  transform @1 :List(Op);
  # The way from the results to the capability. Empty for the answer to Bootstrap and Accept.

  struct Op {
    # One step.

    union {
      noop @0 :Void;
      # Stay.

      getPointerField @1 :UInt16;
      # Follow this pointer of the struct. It counts pointers, not ordinals, so that it can be followed
      # without knowing the type.
    }
  }
}

struct ThirdPartyCapDescriptor {
  # An object in a third vat. (level 3)

  id @0 :ThirdPartyToContact;
  # How to reach the vat, and which object to accept there.

  vineId @1 :ExportId;
  # An export of the sender that forwards to the object. It serves those who cannot reach the vat, and holds
  # the object until the handoff is done: release it then, not before.
}

struct Exception {
  # Why something failed. Exceptions are for what nobody plans for; an outcome that callers are
  # expected to handle belongs in the results. (level 0)

  reason @0 :Text;
  # For people.

  type @3 :Type;
  # For programs.

  enum Type {
    # What the caller can do about it.

    failed @0;
    # Nothing: it would fail again.

    overloaded @1;
    # Try again, but much later. Resources ran out for the moment.

    disconnected @2;
    # Start over: a connection that was needed is lost or the capability was revoked. Get a new one, and
    # treat a second such failure as `overloaded`.

    unimplemented @3;
    # Try an older method, if there is one. The object does not know this one.
  }

  obsoleteIsCallersFault @1 :Bool;
  # Ignore.

  obsoleteDurability @2 :UInt16;
  # Ignore.

  trace @4 :Text;
  # A stack trace of the vat that failed, if it chose to send one.

  details @5 :List(Detail);
  # More for programs.

  struct Detail {
    # A value attached to an exception.

    detailId @0 :UInt64;
    # What it is. An id made as for a type.

    data @1 :Data;
    # The value, in whatever form the id stands for.
  }
}

# What follows depends on the network. rpc-twoparty.capnp has the types for the simplest one.

using SturdyRef = AnyPointer;
# A saved reference. (level 2)

using ThirdPartyCompletion = AnyPointer;
# Proves to the vat that holds an object, or awaits an answer, that the sender is the one it waits for. (level 3)

using ThirdPartyToAwait = AnyPointer;
# Tells a vat whom to expect. (level 3)

using ThirdPartyToContact = AnyPointer;
# Tells a vat whom to go to, and what to ask for there. (level 3)

using JoinKeyPart = AnyPointer;
# One part of a join's key. Together the parts make a secret known only to the two ends. (level 4)

using JoinResult = AnyPointer;
# What the joined object's vat says about one part. (level 4)
