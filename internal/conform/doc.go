// Package conform attacks a Cap'n Proto server over a real connection, message
// by message, and says how what the server does differs from what the protocol,
// or prudence where the protocol is silent, asks for. The attacks are data: see
// cases. It floods nobody, and it is no client: to use a server take package
// rpc.
package conform
