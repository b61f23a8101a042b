// Package reflection serves schemas over a capability, and fetches them from hosts that cannot be trusted.
//
// It is for programs that meet types when they run, such as command lines. Where both sides are built from the same
// schema it is not needed. A host offers it only if it wants to: see [Offer].
//
// What is fetched is checked, so that it does no harm to those who read it: see [Fetch]. It is still no more than what
// that host says. A host can call a method by another name than everybody else, or call one that deletes read-only. So
// keep what came from one host apart, and use it for the capabilities of that host only.
package reflection
