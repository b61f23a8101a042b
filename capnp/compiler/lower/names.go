package lower

import (
	"fmt"
	"strings"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
)

// nameScope is the names of one scope.
type nameScope map[string]ast.Ident

// checkNames checks what is declared directly in a scope of the given kind (0
// for a file): no name twice, the style of names, and that everything may
// stand there. Groups and unions are gone into; declarations with a node of
// their own check themselves.
func (u *unit) checkNames(decls []*ast.Decl, parent ast.Kind) {
	u.checkScope(nameScope{}, decls, parent)
}

func (u *unit) checkScope(seen nameScope, decls []*ast.Decl, parent ast.Kind) {
	for _, d := range decls {
		u.checkTwice(seen, d)
		u.checkStyle(d)
		u.checkPlace(d, parent)
		switch d.Kind {
		case ast.Field, ast.Union, ast.Group:
			inner := nameScope{}
			if d.Name.Text == "" {
				inner = seen // members of an unnamed union belong to the scope around it
			}
			u.checkScope(inner, d.Decls, d.Kind)
		}
	}
}

func (u *unit) checkTwice(seen nameScope, d *ast.Decl) {
	name := d.Name
	if name.Text == "" && d.Kind != ast.Union {
		return // the parser has complained
	}
	first, twice := seen[name.Text]
	if !twice {
		seen[name.Text] = name
		return
	}
	if name.Text == "" {
		u.report(name.Span, diag.UnionTwice, "An unnamed union is already defined in this scope.",
			u.note(first.Span, "Previously defined here."))
		return
	}
	u.report(name.Span, diag.Redefined, fmt.Sprintf("'%s' is already defined in this scope.", name.Text),
		u.note(first.Span, fmt.Sprintf("'%s' previously defined here.", name.Text)))
}

func (u *unit) checkStyle(d *ast.Decl) {
	name := d.Name.Text
	if name == "" {
		return
	}
	isType := false
	switch d.Kind {
	case ast.Enum, ast.Struct, ast.Interface:
		isType = true
	case ast.Using:
		isType = !lower(targetName(d.Target))
	}
	switch {
	case isType && !upper(name):
		u.report(d.Name.Span, diag.NameStyle, "Type names must begin with a capital letter.")
	case !isType && !lower(name):
		u.report(d.Name.Span, diag.NameStyle, "Non-type names must begin with a lower-case letter.")
	}
	if strings.Contains(name, "_") {
		u.report(d.Name.Span, diag.NameStyle, "Cap'n Proto declaration names should use camelCase and must not contain "+
			"underscores. (Code generators may convert names to the appropriate style for the target language.)")
	}
}

func lower(s string) bool { return s != "" && s[0] >= 'a' && s[0] <= 'z' }
func upper(s string) bool { return s != "" && s[0] >= 'A' && s[0] <= 'Z' }

// targetName is the last name in what an alias stands for, "" if there is none.
func targetName(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Name:
			return x.Name.Text
		case *ast.Member:
			return x.Name.Text
		case *ast.Apply:
			e = x.Func
		default:
			return ""
		}
	}
}

func (u *unit) checkPlace(d *ast.Decl, parent ast.Kind) {
	switch d.Kind {
	case ast.Enumerant:
		if parent != ast.Enum {
			u.report(d.Span, diag.Misplaced, "Enumerants can only appear in enums.")
		}
	case ast.Method:
		if parent != ast.Interface {
			u.report(d.Span, diag.Misplaced, "Methods can only appear in interfaces.")
		}
	case ast.Field, ast.Union, ast.Group:
		if parent != ast.Struct && parent != ast.Union && parent != ast.Group {
			u.report(d.Span, diag.Misplaced, "This declaration can only appear in structs.")
		}
	default:
		if parent != 0 && parent != ast.Struct && parent != ast.Interface {
			u.report(d.Span, diag.Misplaced, "This kind of declaration doesn't belong here.")
		}
	}
}

// ordinals checks that members, visited in the order of their numbers, have
// the numbers 0, 1, 2, ….
type ordinals struct {
	u    *unit
	next uint64
	last *ast.Number // that has next-1, until it has been named in a note
	// gaps: some member did not parse, so a missing number says nothing.
	gaps bool
}

func (o *ordinals) check(n *ast.Number) {
	switch {
	case n.Value < o.next:
		var notes []diag.Note
		if o.last != nil {
			notes = append(notes, o.u.note(o.last.Span, fmt.Sprintf("Ordinal @%d originally used here.", o.last.Value)))
			o.last = nil
		}
		o.u.report(n.Span, diag.OrdinalTwice, "Duplicate ordinal number.", notes...)
	case n.Value > o.next:
		if !o.gaps {
			o.u.report(n.Span, diag.OrdinalSkipped, fmt.Sprintf("Skipped ordinal @%d.  Ordinals must be sequential with no holes.", o.next))
		}
		o.next = n.Value + 1
	default:
		o.next++
		o.last = n
	}
}

// maxOrdinal is the largest number a member can have; the parser has reported
// larger ones.
const maxOrdinal = 1<<16 - 1

// numbered reports whether a member can take part: it has a number.
func numbered(d *ast.Decl) bool { return d.Ordinal != nil && d.Ordinal.Value <= maxOrdinal }

// anyBroken reports whether some member is missing because it did not parse.
func anyBroken(decls []*ast.Decl) bool {
	for _, d := range decls {
		if d.Broken || anyBroken(d.Decls) {
			return true
		}
	}
	return false
}
