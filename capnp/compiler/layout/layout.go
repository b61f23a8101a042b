// Package layout decides where each field of a struct lives: the offsets that
// make two compilers agree about bytes on the wire.
//
// It knows sizes and ordinals only. Names, types and diagnostics with
// positions are package lower's; use that one to compile a schema.
package layout

import (
	"cmp"
	"slices"
)

// Size says what room a field needs. The bit sizes are the base-2 logarithms
// of their width.
type Size uint8

const (
	Bit        Size = 0
	Byte       Size = 3
	TwoBytes   Size = 4
	FourBytes  Size = 5
	EightBytes Size = 6
	Void       Size = 0xfe // no room at all
	Pointer    Size = 0xff // one word of the pointer section
)

// Kind tells a field from the things that only contain fields.
type Kind uint8

const (
	Field Kind = iota
	Group      // members share the room of the enclosing scope
	Union      // members overlay each other; has a 16-bit discriminant
)

// NoOrdinal is the Ordinal of groups, and of unions that leave the place of
// their discriminant to the compiler.
const NoOrdinal = -1

// Member is one field, group or union of a struct. An unnamed union is a Union
// like any other.
type Member struct {
	Kind    Kind
	Ordinal int       // ≥ 0 for every field; otherwise maybe NoOrdinal
	Size    Size      // of a field
	Members []*Member // of a group or union
}

// Problem is a rule of the language that a struct breaks.
type Problem uint8

const (
	// LateOrdinal: a union's own ordinal comes after those of two of its
	// members, so the discriminant already had to be placed.
	LateOrdinal Problem = iota
	// Issue344: Cap'n Proto 0.5 and before laid this struct out wrongly
	// (capnproto issue 344). C++ refuses such structs, so do we.
	Issue344
	// TooComplex: the search for room took more than maxSteps steps.
	TooComplex
)

// Finding is a Problem and the member at which it was met.
type Finding struct {
	Problem Problem
	Member  *Member
}

// Layout is where everything went.
type Layout struct {
	// DataWords and Pointers are the sizes of the two sections. Nothing limits
	// them here: a caller must refuse more than 65535 of either.
	DataWords, Pointers uint32
	// Findings are in ordinal order.
	Findings []Finding

	offsets map[*Member]uint32
}

// Offset is a field's offset in units of its own size (0 for Void), or the
// offset of a union's discriminant in units of 16 bits.
func (l *Layout) Offset(m *Member) uint32 { return l.offsets[m] }

// Options change how a struct is laid out. Nil means the defaults.
type Options struct {
	// IgnoreIssue344 accepts structs that Cap'n Proto 0.5 and before laid out
	// differently, and gives them the right layout.
	IgnoreIssue344 bool

	_ struct{}
}

// maxSteps bounds the work for one struct. Real schemas need a few thousand.
const maxSteps = 1 << 26

// Compute lays out a struct with the given members. Fields are placed in the
// order of their ordinals; that is what keeps old offsets when new fields come.
func Compute(members []*Member, opt *Options) *Layout {
	if opt == nil {
		opt = &Options{}
	}
	c := &computation{
		opt:    opt,
		unions: map[*Member]*union{},
		scopes: map[*Member]scope{},
		layout: &Layout{offsets: map[*Member]uint32{}},
	}
	c.top.c = c
	c.enter(members, &c.top)
	slices.SortStableFunc(c.ordered, func(a, b *Member) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	for _, m := range c.ordered {
		c.current = m
		c.place(m)
		if c.steps > maxSteps {
			c.find(TooComplex)
			break
		}
	}
	c.finish(members)
	c.layout.DataWords, c.layout.Pointers = c.top.dataWords, c.top.pointers
	return c.layout
}

// computation is the state of one Compute.
type computation struct {
	opt     *Options
	top     top
	unions  map[*Member]*union
	scopes  map[*Member]scope // of every field
	ordered []*Member
	current *Member
	steps   int
	layout  *Layout
}

func (c *computation) find(p Problem) {
	f := Finding{Problem: p, Member: c.current}
	if !slices.Contains(c.layout.Findings, f) {
		c.layout.Findings = append(c.layout.Findings, f)
	}
}

// enter makes the scopes for members that live side by side in s.
func (c *computation) enter(members []*Member, s scope) {
	for _, m := range members {
		switch m.Kind {
		case Field:
			c.scopes[m] = s
		case Group:
			c.enter(m.Members, s)
		case Union:
			c.enterUnion(m, s)
		}
		if m.Ordinal >= 0 {
			c.ordered = append(c.ordered, m)
		}
	}
}

// enterUnion makes the scopes for the members of a union in s. Each member is
// a branch; a lone field or a nested union is a branch with one member.
func (c *computation) enterUnion(m *Member, s scope) {
	u := &union{parent: s}
	c.unions[m] = u
	for _, alt := range m.Members {
		b := &branch{c: c, union: u}
		if alt.Kind == Group {
			c.enter(alt.Members, b)
		} else {
			c.enter([]*Member{alt}, b)
		}
	}
}

func (c *computation) place(m *Member) {
	switch m.Kind {
	case Union:
		if !c.unions[m].addTag() {
			c.find(LateOrdinal)
		}
	case Field:
		s := c.scopes[m]
		switch m.Size {
		case Void:
			s.addVoid()
		case Pointer:
			c.layout.offsets[m] = s.addPointer()
		default:
			c.layout.offsets[m] = s.addData(m.Size)
		}
	}
}

// finish reads the discriminants' places, giving one to unions that are too
// small to have needed it.
func (c *computation) finish(members []*Member) {
	for _, m := range members {
		if m.Kind == Union {
			u := c.unions[m]
			u.addTag()
			c.layout.offsets[m] = u.tag
		}
		c.finish(m.Members)
	}
}

// scope is a place that fields can be added to. Offsets are in units of the
// size asked for.
type scope interface {
	addVoid()
	addData(lg Size) uint32
	addPointer() uint32
	// expand tries to make 2^by times the room of what was allocated at off
	// with size lg, in place.
	expand(lg Size, off uint32, by Size) bool
}

// top is the struct itself.
type top struct {
	c         *computation
	dataWords uint32
	pointers  uint32
	holes     holes
}

func (t *top) addVoid() {}

func (t *top) addData(lg Size) uint32 {
	if off, ok := t.holes.take(lg); ok {
		return off
	}
	off := t.dataWords << (EightBytes - lg)
	t.dataWords++
	t.holes.addAfter(lg, off+1, EightBytes)
	return off
}

func (t *top) addPointer() uint32 {
	t.pointers++
	return t.pointers - 1
}

func (t *top) expand(lg Size, off uint32, by Size) bool { return t.holes.expand(lg, off, by) }
