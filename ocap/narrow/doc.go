// Package narrow is narrowing as data: one description of how a capability was made weaker, which a
// membrane enforces on a live capability, a ledger stores, and people read. It is not for programs
// that narrow in code: they have package ocap.
//
// A description is a list of steps that lead from an object to the capability that somebody gets.
// A [Narrowing] takes something of the capability away; a [PathCall] goes on to another object. As
// every narrowing has to let a call pass, steps that are appended can only take away.
//
//	steps := []narrow.Step{
//		narrow.Call(pathCall),
//		narrow.By(narrow.Narrowing{Interface: MailerID, Where: []string{"send.text.size < 1000"}, Uses: 10}),
//	}
//	weaker, err := narrow.Apply(ctx, client, steps, &narrow.Env{Registry: reg})
//
// # Conditions
//
// Where holds conditions on arguments. A condition compares fields of the parameters, and is checked
// against the schema before anything is narrowed by it:
//
//	send.text.size < 1000             bytes of a text or data, elements of a list
//	find.prefix ^= "a"                starts with; $= ends with, *= contains
//	get.id in ["a", "b"]              is one of
//	op == add                         an enum's value by name
//	draw.shape.radius <= 2.5          numbers; paths go through structs and groups
//	has draw.shape.circle             which member of a union is set; whether a pointer is
//	put.dryRun                        a Bool
//	log.sink == null                  a pointer, capabilities included
//	not (x.a == 1 and x.b == 2) or x.c == 3
//
// The first name is a method of the interface, and the condition limits the calls of that method and
// no other. If it is none, or the path starts with a dot, the condition speaks of every method: those
// whose parameters have all the fields in it are limited, all others are not there any more, those of
// other interfaces included. One condition speaks of one method; several, or several joined by "and",
// have to hold together.
//
// What cannot be judged is refused: a call with a malformed parameter, an enum value or a member of a
// union that the schema does not know, a number that is none. A comparison of a member of a union
// that is not set neither holds nor does its opposite. Fields that the schema does not know
// are not looked at. Every condition is evaluated to its end, so what it costs depends on it, and
// for *= on the length of the text, only; limits bound that.
package narrow

//go:generate go run lanyard.dev/cmd/lanyard schema gen .
