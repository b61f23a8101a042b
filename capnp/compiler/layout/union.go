package layout

// union is the room that the members of one union share.
//
// The discriminant is placed just before the second member that has a field,
// so that a lone field can become a union later without moving.
type union struct {
	parent   scope
	branches int // that have a field
	hasTag   bool
	tag      uint32
	data     []location
	pointers []uint32
}

func (u *union) addTag() bool {
	if u.hasTag {
		return false
	}
	u.hasTag, u.tag = true, u.parent.addData(TwoBytes)
	return true
}

// location is room of the parent scope that each branch of a union may use in
// its own way.
type location struct {
	lg  Size
	off uint32
}

// grow makes the location as large as lg, if there is room behind it.
func (l *location) grow(u *union, lg Size) bool {
	if lg <= l.lg {
		return true
	}
	by := lg - l.lg
	if !u.parent.expand(l.lg, l.off, by) {
		return false
	}
	l.off >>= by
	l.lg = lg
	return true
}

// branch is one member of a union: a group, or something else that is treated
// as a group with one member.
//
// Invariant: len(used) ≤ len(union.data); used[i] is this branch's use of
// union.data[i].
type branch struct {
	c        *computation
	union    *union
	used     []usage
	pointers int // of union.pointers
	started  bool
}

// usage is what one branch uses of one location: the first 2^lg bits, except
// the holes, whose offsets count from the start of the location.
type usage struct {
	any   bool
	lg    Size
	holes holes
}

func (b *branch) start() {
	if b.started {
		return
	}
	b.started = true
	b.union.branches++
	if b.union.branches == 2 {
		b.union.addTag()
	}
}

func (b *branch) addVoid() {
	b.start()
	b.union.parent.addVoid() // an outer union counts its branches, too
}

func (b *branch) addPointer() uint32 {
	b.start()
	if b.pointers == len(b.union.pointers) {
		b.union.pointers = append(b.union.pointers, b.union.parent.addPointer())
	}
	b.pointers++
	return b.union.pointers[b.pointers-1]
}

// addData prefers the location where the field leaves the least unused, then
// the first that can grow, then a new one.
func (b *branch) addData(lg Size) uint32 {
	b.start()
	u := b.union
	for len(b.used) < len(u.data) {
		b.used = append(b.used, usage{})
	}
	b.c.steps += len(u.data)
	best, bestSize := -1, Size(0xff)
	for i := range u.data {
		if size, ok := b.used[i].fit(u.data[i], lg); ok && size < bestSize {
			best, bestSize = i, size
		}
	}
	if best >= 0 {
		return b.used[best].take(u.data[best], lg)
	}
	for i := range u.data {
		if off, ok := b.used[i].growAndTake(b, &u.data[i], lg); ok {
			return off
		}
	}
	off := u.parent.addData(lg)
	u.data = append(u.data, location{lg, off})
	b.used = append(b.used, usage{any: true, lg: lg})
	return off
}

// fit is the size of the room from which a field of size lg would be taken.
func (us *usage) fit(l location, lg Size) (Size, bool) {
	if !us.any {
		return l.lg, lg <= l.lg
	}
	if lg >= us.lg {
		return lg, lg < l.lg
	}
	if size, ok := us.holes.smallest(lg); ok {
		return size, true
	}
	return us.lg, us.lg < l.lg // doubling the use makes a hole of its size
}

// take allocates where fit found room.
func (us *usage) take(l location, lg Size) uint32 {
	base := l.off << (l.lg - lg)
	switch {
	case !us.any:
		us.any, us.lg = true, lg
		return base
	case lg >= us.lg:
		us.holes.addAfter(us.lg, 1, lg)
		us.lg = lg + 1
		return base + 1
	}
	if off, ok := us.holes.take(lg); ok {
		return base + off
	}
	off := uint32(1) << (us.lg - lg)
	us.holes.addAfter(lg, off+1, us.lg)
	us.lg++
	return base + off
}

// growAndTake allocates after making the location larger.
func (us *usage) growAndTake(b *branch, l *location, lg Size) (uint32, bool) {
	if !us.any {
		if !l.grow(b.union, lg) {
			return 0, false
		}
		us.any, us.lg = true, lg
		return l.off << (l.lg - lg), true
	}
	want := max(us.lg, lg) + 1
	if want > EightBytes || want > l.lg && !l.grow(b.union, want) {
		return 0, false
	}
	us.holes.addAfter(us.lg, 1, want)
	us.lg = want
	off, _ := us.holes.take(lg) // addAfter made a hole of at least this size
	return l.off<<(l.lg-lg) + off, true
}

// expand serves a union nested in this branch.
func (b *branch) expand(lg Size, off uint32, by Size) bool {
	if lg+by > EightBytes || off&(1<<by-1) != 0 {
		return false // too large, or the result would not be aligned
	}
	b.c.steps += len(b.used)
	for i := range b.used {
		l := &b.union.data[i]
		if l.lg >= lg && off>>(l.lg-lg) == l.off {
			return b.used[i].expand(b, l, lg, off-l.off<<(l.lg-lg), by)
		}
	}
	panic("layout: expanding what was never allocated")
}

// expand grows what lies at off in the location.
func (us *usage) expand(b *branch, l *location, lg Size, off uint32, by Size) bool {
	if off != 0 || us.lg != lg {
		// There is something else in the used part, so only its holes can help.
		return us.holes.expand(lg, off, by)
	}
	want := lg + by
	if want > l.lg && !l.grow(b.union, want) {
		return false
	}
	if !b.c.opt.IgnoreIssue344 {
		b.c.find(Issue344) // old versions added holes here that are in use
	}
	us.lg = want
	return true
}
