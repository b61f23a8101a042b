package narrow

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// Encode returns the steps as a [ChainMessage] of one segment without framing. Equal steps are equal
// bytes: methods are sorted, and times lose their zone.
func Encode(steps []Step) ([]byte, error) {
	if len(steps) > MaxSteps {
		return nil, fmt.Errorf("%d steps, limit %d", len(steps), MaxSteps)
	}
	o := &capnp.BuilderOptions{}
	for range 2 {
		m := capnp.NewMessage(o)
		if err := Write(NewRootChainMessage(m).NewSteps(len(steps)), steps); err != nil {
			return nil, err
		}
		if err := m.Err(); err != nil {
			return nil, err
		}
		if m.Size() > MaxBytes {
			return nil, fmt.Errorf("chain of %d bytes, limit %d", m.Size(), MaxBytes)
		}
		if segs := m.Segments(); len(segs) == 1 {
			return slices.Clone(segs[0]), nil
		}
		o.FirstWords = MaxBytes / 8
	}
	return nil, errors.New("chain does not fit into one segment")
}

// Write fills a list with steps, of which it has as many.
func Write(l capnp.ListBuilder[StepMessageBuilder], steps []Step) error {
	for i, s := range steps {
		var err error
		switch b := l.At(i); {
		case s.Narrow != nil && s.Call == nil:
			err = s.Narrow.write(b.NewNarrow())
		case s.Call != nil && s.Narrow == nil:
			err = s.Call.write(b.NewCall())
		default:
			err = errors.New("neither a narrowing nor a call")
		}
		if err != nil {
			return stepError(i, err)
		}
	}
	return nil
}

// stepError says in which step, counted from 1, something is wrong.
func stepError(i int, err error) error { return fmt.Errorf("step %d: %w", i+1, err) }

func (n *Narrowing) write(b NarrowingMessageBuilder) error {
	if err := n.check(); err != nil {
		return err
	}
	b.SetInterfaceId(n.Interface)
	if n.Methods != nil {
		ms := sortedMethods(n.Methods)
		l := b.EditMethods().NewOnly(len(ms))
		for i, m := range ms {
			l.At(i).SetInterfaceId(m.InterfaceID)
			l.At(i).SetMethodId(m.MethodID)
		}
	}
	b.SetReadOnly(n.ReadOnly)
	if len(n.Where) > 0 {
		b.SetWhere(n.Where)
	}
	if !n.NotAfter.IsZero() {
		b.SetNotAfter(n.NotAfter.UnixNano())
	}
	b.SetUses(n.Uses)
	b.SetBytes(n.Bytes)
	b.SetConcurrency(n.Concurrency)
	r := b.EditRate()
	r.SetCalls(n.Rate.Calls)
	r.SetPer(int64(n.Rate.Per))
	r.SetBurst(n.Rate.Burst)
	return nil
}

// check finds what no schema is needed for.
func (n *Narrowing) check() error {
	switch {
	case len(n.Methods) > MaxMethods:
		return fmt.Errorf("%d methods, limit %d", len(n.Methods), MaxMethods)
	case len(n.Where) > MaxWhere:
		return fmt.Errorf("%d conditions, limit %d", len(n.Where), MaxWhere)
	case !n.NotAfter.IsZero() && (n.NotAfter.Unix() <= 0 || n.NotAfter.Year() > 2261):
		return fmt.Errorf("expiry %s lies outside 1970 to 2261", n.NotAfter.UTC().Format(time.RFC3339))
	case n.Uses > math.MaxInt64 || n.Bytes > math.MaxInt64:
		return errors.New("limit larger than 2^63-1")
	}
	for _, w := range n.Where {
		if _, err := parse(w); err != nil {
			return err
		}
	}
	return n.Rate.Check()
}

func sortedMethods(ms []Method) []Method {
	ms = slices.Clone(ms)
	slices.SortFunc(ms, compareMethods)
	return slices.Compact(ms)
}

func compareMethods(a, b Method) int {
	return cmp.Or(cmp.Compare(a.InterfaceID, b.InterfaceID), cmp.Compare(a.MethodID, b.MethodID))
}

func (p *PathCall) write(b PathCallMessageBuilder) error {
	params, err := p.params()
	if err != nil {
		return err
	}
	if len(p.Result) == 0 || len(p.Result) > MaxPath {
		return fmt.Errorf("path of %d fields to the result, want 1 to %d", len(p.Result), MaxPath)
	}
	b.SetInterfaceId(p.InterfaceID)
	b.SetMethodId(p.MethodID)
	if !params.IsNull() {
		b.SetParams(params.Struct())
	}
	b.SetResult(p.Result)
	b.SetResultId(p.ResultInterface)
	return nil
}

// params opens the parameters, which lead to no capability.
func (p *PathCall) params() (capnp.Ptr, error) {
	if p.Params == nil {
		return capnp.Ptr{}, nil
	}
	m, err := open(p.Params)
	if err != nil {
		return capnp.Ptr{}, fmt.Errorf("parameters: %w", err)
	}
	root := m.Root()
	if k := root.Kind(); k != capnp.PtrStruct {
		return capnp.Ptr{}, errors.New("parameters: no struct")
	}
	return root, noCapabilities(root)
}

// open makes a message of bytes from anywhere.
func open(b []byte) (*capnp.Message, error) {
	if len(b) == 0 || len(b)%8 != 0 || len(b) > MaxBytes {
		return nil, fmt.Errorf("%d bytes, want whole words and at most %d bytes", len(b), MaxBytes)
	}
	m := capnp.OpenMessage([][]byte{b}, &capnp.Limits{TraversalWords: 2 * MaxBytes / 8})
	return m, m.Verify()
}

// noCapabilities looks through what p leads to, which was verified.
func noCapabilities(p capnp.Ptr) error {
	switch p.Kind() {
	case capnp.PtrCap:
		return errors.New("parameters: a capability cannot be kept")
	case capnp.PtrStruct:
		return noCapabilitiesIn(p.Struct())
	case capnp.PtrList:
		l := p.AnyList()
		for i := range l.Len() {
			var err error
			switch l.ElementSize() {
			case pointers:
				err = noCapabilities(l.Ptr(i))
			case structs:
				err = noCapabilitiesIn(l.Struct(i))
			default:
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Sizes of list elements in the encoding.
const (
	pointers = 6
	structs  = 7
)

func noCapabilitiesIn(s capnp.Struct) error {
	for i := range capnp.SizeOf(s).Pointers {
		if err := noCapabilities(s.Ptr(i)); err != nil {
			return err
		}
	}
	return nil
}

// Params makes the parameters of a [PathCall]: a struct of the given size, which fill gets. It
// fails if there is a capability in them.
func Params(size capnp.StructSize, fill func(capnp.StructBuilder)) ([]byte, error) {
	return message(func(m *capnp.MessageBuilder) { fill(capnp.NewRootStruct(m, size)) })
}

// message makes parameters in one segment.
func message(build func(*capnp.MessageBuilder)) ([]byte, error) {
	for _, words := range []int{0, MaxBytes / 8} {
		m := capnp.NewMessage(&capnp.BuilderOptions{FirstWords: words, MaxWords: MaxBytes / 8})
		build(m)
		if err := m.Err(); err != nil {
			return nil, fmt.Errorf("parameters: %w", err)
		}
		if segs := m.Segments(); len(segs) == 1 {
			p := PathCall{Params: slices.Clone(segs[0])}
			_, err := p.params()
			return p.Params, err
		}
	}
	return nil, errors.New("parameters do not fit into one segment")
}

// Decode is the inverse of [Encode]. It accepts nothing that Encode does not make, so what a newer
// program has added to a chain makes it fail instead of being left out.
func Decode(b []byte) ([]Step, error) {
	m, err := open(b)
	if err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	steps, err := Read(capnp.Root[ChainMessage](m).Steps())
	if err != nil {
		return nil, err
	}
	again, err := Encode(steps)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("chain: not encoded as this version does")
	}
	return steps, nil
}

// Read returns the steps in a list from anywhere. What a newer schema has added makes it fail.
func Read(l capnp.List[StepMessage]) ([]Step, error) {
	if l.Len() > MaxSteps {
		return nil, fmt.Errorf("%d steps, limit %d", l.Len(), MaxSteps)
	}
	var steps []Step
	for i, s := range l.All() {
		step, err := readStep(s)
		if err != nil {
			return nil, stepError(i, err)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

var errNewer = errors.New("it holds something that this version does not know")

func readStep(s StepMessage) (Step, error) {
	if err := known(s, StepMessageSize); err != nil {
		return Step{}, err
	}
	switch s.Which() {
	case StepMessageWhichNarrow:
		n, err := readNarrowing(s.Narrow())
		return Step{Narrow: n}, err
	case StepMessageWhichCall:
		p, err := readPathCall(s.Call())
		return Step{Call: p}, err
	}
	return Step{}, errNewer
}

// known fails if s has something in what it is larger than size.
func known[S capnp.StructKind](s S, size capnp.StructSize) error {
	if err := capnp.Err(s); err != nil {
		return err
	}
	raw, has := capnp.Struct(s), capnp.SizeOf(s)
	for w := size.DataWords; w < has.DataWords; w++ {
		if raw.Uint64(uint32(w)*8) != 0 {
			return errNewer
		}
	}
	for i := size.Pointers; i < has.Pointers; i++ {
		if raw.HasPtr(i) {
			return errNewer
		}
	}
	return nil
}

func readNarrowing(m NarrowingMessage) (*Narrowing, error) {
	if err := known(m, NarrowingMessageSize); err != nil {
		return nil, err
	}
	n := &Narrowing{
		Interface:   m.InterfaceId(),
		ReadOnly:    m.ReadOnly(),
		Uses:        m.Uses(),
		Bytes:       m.Bytes(),
		Concurrency: m.Concurrency(),
		Rate:        ocap.Rate{Calls: m.Rate().Calls(), Per: time.Duration(m.Rate().Per()), Burst: m.Rate().Burst()},
	}
	switch m.Methods().Which() {
	case NarrowingMessageMethodsWhichAll:
	case NarrowingMessageMethodsWhichOnly:
		l := m.Methods().Only()
		if l.Len() > MaxMethods {
			return nil, fmt.Errorf("%d methods, limit %d", l.Len(), MaxMethods)
		}
		n.Methods = make([]Method, 0, l.Len())
		for _, m := range l.All() {
			if err := known(m, MethodMessageSize); err != nil {
				return nil, err
			}
			n.Methods = append(n.Methods, Method{m.InterfaceId(), m.MethodId()})
		}
		n.Methods = sortedMethods(n.Methods)
	default:
		return nil, errNewer
	}
	if m.Where().Len() > MaxWhere {
		return nil, fmt.Errorf("%d conditions, limit %d", m.Where().Len(), MaxWhere)
	}
	for _, w := range m.Where().All() {
		n.Where = append(n.Where, w)
	}
	if ns := m.NotAfter(); ns != 0 {
		n.NotAfter = time.Unix(0, ns).UTC()
	}
	// A list that could not be read would have read as empty.
	if err := capnp.Err(m); err != nil {
		return nil, err
	}
	return n, n.check()
}

func readPathCall(m PathCallMessage) (*PathCall, error) {
	if err := known(m, PathCallMessageSize); err != nil {
		return nil, err
	}
	p := &PathCall{
		Method:          Method{m.InterfaceId(), m.MethodId()},
		ResultInterface: m.ResultId(),
	}
	if m.Result().Len() == 0 || m.Result().Len() > MaxPath {
		return nil, fmt.Errorf("path of %d fields to the result, want 1 to %d", m.Result().Len(), MaxPath)
	}
	p.Result = capnp.Slice(m.Result())
	if m.HasParams() {
		if err := noCapabilities(capnp.Struct(m).Ptr(0)); err != nil {
			return nil, err
		}
		params, err := message(func(m2 *capnp.MessageBuilder) { m2.Root().SetStruct(m.Params()) })
		if err != nil {
			return nil, err
		}
		p.Params = params
	}
	return p, capnp.Err(m)
}
