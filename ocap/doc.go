// Package ocap narrows capabilities and takes them back: Facet, Revocable, Membrane and their like make
// a weaker capability of the same type out of any other, wherever its object is. It is not for deciding
// by who calls: whoever holds a capability may use it, so make one for each holder.
//
// # Threat
//
// The holder of a narrowed capability is an adversary who has other capabilities, too, perhaps
// at other vats, and tries everything that a message can say: methods of other interfaces by
// number, results that lead back to the whole object, calls on promises before it is known what
// they become, its own capabilities as parameters so that the object calls back with itself, many
// calls at once, calls sent just before they are forbidden. The object itself is trusted: what it
// deliberately gives away, it gives away.
//
// # Concept
//
// A membrane separates an inside, where the object is, from an outside, where the holder is. A
// capability that crosses is replaced by a wrapper, and what comes home is unwrapped:
//
//	         outside │ inside
//	 holder ──▶ wrapper ──▶ object
//	                 │
//	own thing ◀── wrapper ◀── parameter of a call
//
// Parameters cross inwards, results outwards, whether they travel in messages, by pipelined paths
// or because a promise resolves. There is one wrapper for each capability, direction and membrane,
// as long as anybody refers to it, so that equal stays equal. A call that is
// delivered to a wrapper is delivered to what it wraps at once, so order is kept, a pipelined call
// goes out at once, and the wrapper of a promise may be shortened whenever the promise may.
// A membrane has a policy, which judges each call, and may be revoked.
//
// # Contract of Facet
//
//   - Exactly the given methods can be called, each named by interface id and ordinal; what a
//     later schema adds is denied. What is denied ends as it would at an object in this process
//     that does not have the method: whether the object has it cannot be told.
//   - The narrowing belongs to the object, not to what it returns: capabilities that come out of
//     it work whole. But wherever the object itself comes out (as a result, out of a promise, as a
//     parameter of a call to the holder, through other objects that came out before), the facet
//     comes out. And where the holder passes the facet in, the object arrives.
//   - A facet of a facet is the intersection, and one layer.
//
// # Contract of Membrane
//
//   - The policy judges every call that crosses, in both directions, on whatever crossed before, before
//     it is delivered, by interface, method, direction and parameters. Whoever built the parameters
//     cannot change them after that. What it refuses carries a Code in the exception's details.
//   - What becomes of a call does not depend on when a promise resolves: see Policy. Calls on one
//     reference keep their order, whatever each of them waits for.
//   - The results, and what is pipelined on them, come back through the same membrane.
//   - Layers that can be one are one: see Collapser. Revoking an inner layer ends the outer ones.
//   - The rest is the contract of Revocable.
//
// # Contract of Revocable
//
//   - When revoke has returned no call passes any more, in either direction: not on the capability
//     itself, not on anything that came out of it, nor on what was passed in through it. What
//     waits in an object's queue in this process never starts. What has started is cancelled. All
//     of it ends with the reason at once, results that come later are dropped, and every capability
//     inside is given back exactly once.
//   - "Started" is exact: revoke waits for methods that were let through but may not have executed
//     anything yet, until they return, unblock, wait for a promise or look at their context. A
//     method that does none of this, and one that calls revoke itself without having unblocked,
//     is not waited for (waitStalled, waitOwn).
//   - Revoking twice is revoking once; the first reason stays. It may be done from inside a method
//     that was called through the capability.
//
// # Contract of Lease, Limit, OneShot and Audit
//
//   - They stand for everything behind the capability: what came out of it expires with it and counts
//     with it, unless Limits.Shallow says otherwise, as OneShot does. What comes home out of them is the
//     original again.
//   - The instant of expiry is the first at which nothing passes, by a clock that never goes back
//     (SystemClock). A method that has not started here by then does not start.
//   - Calls count when they are admitted and exactly once, however many copies there are and
//     however they race; a call that did not get through is given back.
//   - A call is recorded before it is delivered, or it is not delivered; each begin gets one end.
//   - Leases, limits and facets of each other are one layer, which judges first and counts then: what
//     a facet in it lacks costs nothing.
//
// # Caveats
//
//   - What has left this process has passed. Calls of an object in another vat are cancelled there,
//     but those on the wire may start: to revoke exactly, wrap where the object is.
//   - Capabilities that crossed and came home are unwrapped and survive revocation.
//   - A capability is an object reference: two that were made separately of one Go value
//     (NewCalculator twice, Serial) are two objects, and a facet of one does not know the other.
//     Methods hand out their own object with call.Self. Likewise a capability for the object that
//     has gone through other vats comes back as a proxy, unless they shorten the path.
//   - While it is not known what a promise becomes, a facet lets through only calls of its own
//     methods on it; others wait, which costs the time until it resolves. Pipelining through a
//     facet of a remote object therefore takes one round trip for methods that the facet allows,
//     and two for methods of the objects behind it, unless the facet names these as well, which
//     does no harm if the object itself does not have them.
//   - Wrapped capabilities are not shortened past the process they were wrapped in; that is the
//     point.
//   - An error that crosses keeps its words: what an object says in them, it says.
//   - An object that stores its own wrapper keeps both for ever, unless it releases it.
package ocap
