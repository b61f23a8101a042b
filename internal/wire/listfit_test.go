package wire

import (
	"errors"
	"fmt"
	"testing"
)

// Every list as sent, read as every kind. C++: readListPointer; lists of bools fit nothing else.
func TestListUpgradesAndDowngrades(t *testing.T) {
	sent := []struct {
		name string
		seg  []byte
		fits []Kind
	}{
		{"void", words(listWord(0, elemVoid, 2)), []Kind{KindVoid, KindStruct}},
		{"bit", words(listWord(0, elemBit, 2), 2), []Kind{KindBit}},
		{"byte", words(listWord(0, elemByte, 2), 0x2211), []Kind{KindVoid, Kind8, KindStruct}},
		{"two bytes", words(listWord(0, elemTwo, 2), 0x2222_1111), []Kind{KindVoid, Kind8, Kind16, KindStruct}},
		{"four bytes", words(listWord(0, elemFour, 2), 0x22222222_11111111), []Kind{KindVoid, Kind8, Kind16, Kind32, KindStruct}},
		{"eight bytes", words(listWord(0, elemEight, 2), 0x1111111111111111, 0x2222222222222222), []Kind{KindVoid, Kind8, Kind16, Kind32, Kind64, KindStruct}},
		{"pointer", words(listWord(0, elemPointer, 2), listWord(1, elemByte, 2), listWord(1, elemByte, 2), 0x61, 0x62), []Kind{KindVoid, KindStruct, KindPtr, KindText, KindData, KindClient, ListOf(Kind8)}},
		{"struct of data", words(listWord(0, elemComposite, 2), tagWord(2, 1, 0), 0x1111111111111111, 0x2222222222222222), []Kind{KindVoid, Kind8, Kind16, Kind32, Kind64, KindStruct}},
		{"struct of a pointer", words(listWord(0, elemComposite, 2), tagWord(2, 0, 1), listWord(1, elemByte, 2), listWord(1, elemByte, 2), 0x61, 0x62), []Kind{KindVoid, KindStruct, KindPtr, KindText, KindData, KindClient, ListOf(Kind8)}},
		{"struct of both", words(listWord(0, elemComposite, 4), tagWord(2, 1, 1),
			0x1111111111111111, listWord(2, elemByte, 2), 0x2222222222222222, listWord(1, elemByte, 2), 0x61, 0x62),
			[]Kind{KindVoid, Kind8, Kind16, Kind32, Kind64, KindStruct, KindPtr, KindText, KindData, KindClient, ListOf(Kind8)}},
		{"empty struct", words(listWord(0, elemComposite, 0), tagWord(2, 0, 0)), []Kind{KindVoid, KindStruct}},
	}
	all := []Kind{KindVoid, KindBit, Kind8, Kind16, Kind32, Kind64, KindStruct, KindPtr, KindText, KindData, KindClient, ListOf(Kind8)}
	for _, test := range sent {
		for _, k := range all {
			want := false
			for _, f := range test.fits {
				want = want || f == k
			}
			name := fmt.Sprintf("%s as kind %#x", test.name, k)
			m := NewMessage([][]byte{test.seg}, Limits{})
			l := m.Root().List(k)
			if (l.Len() == 2) != want || l.IsNull() == want || (m.Err() == nil) != want {
				t.Errorf("%s: %d elements, error %v; want it to fit: %v", name, l.Len(), m.Err(), want)
				continue
			}
			m = NewMessage([][]byte{test.seg}, Limits{})
			if as := m.Root().List(KindAny).As(k); as != (List{}) != want || want && as.Kind() != k {
				t.Errorf("%s: As: %d elements", name, as.Len())
			}

			mb := NewMessageBuilder(BuilderOptions{})
			b := mb.Root().EditList(k, m.Root()) // a copy
			if b.IsNull() == want || (mb.Err() == nil) != want {
				t.Errorf("%s: in a builder: %d elements, error %v", name, b.Len(), mb.Err())
			}
			if !want {
				if !errors.Is(mb.Err(), Mistyped) {
					t.Errorf("%s: error %v", name, mb.Err())
				}
				continue
			}
			checkElements(t, name, l, k)
			checkElements(t, name+", built", b.Reader(), k)
			for i := range 2 {
				if k.Nested() || k >= KindPtr {
					if got, _ := b.Ptr(i).Text(); (string(got) != "a" && string(got) != "b") && k != KindClient {
						t.Errorf("%s: builder element %d is %q", name, i, got)
					}
				}
			}
		}
	}
}

func checkElements(t *testing.T, name string, l List, k Kind) {
	t.Helper()
	for i := range 2 {
		n := uint64(i + 1)
		switch k {
		case KindBit:
			if l.Bool(i) != (i == 1) {
				t.Errorf("%s: element %d is %v", name, i, l.Bool(i))
			}
		case Kind8:
			if got := At[uint8](l, i); uint64(got) != n*0x11 || l.Uint8(i) != got {
				t.Errorf("%s: element %d is %#x, %#x", name, i, got, l.Uint8(i))
			}
		case Kind16:
			if got := At[int16](l, i); uint64(got) != n*0x1111 || l.Uint16(i) != uint16(got) {
				t.Errorf("%s: element %d is %#x", name, i, got)
			}
		case Kind32:
			if got := At[uint32](l, i); uint64(got) != n*0x11111111 || l.Uint32(i) != got {
				t.Errorf("%s: element %d is %#x", name, i, got)
			}
		case Kind64:
			if got := At[uint64](l, i); got != n*0x1111111111111111 || l.Uint64(i) != got {
				t.Errorf("%s: element %d is %#x", name, i, got)
			}
		case KindText:
			if got, ok := l.Ptr(i).Text(); !ok || string(got) != string(rune('a'+i)) {
				t.Errorf("%s: element %d is %q", name, i, got)
			}
		case KindStruct:
			s := At[Struct](l, i)
			if got := s.Uint8(0); uint64(got) != n*0x11 && s.DataBytes() != 0 {
				t.Errorf("%s: element %d starts with %#x", name, i, got)
			}
			if got, ok := s.Text(0); ok && string(got) != string(rune('a'+i)) {
				t.Errorf("%s: element %d has text %q", name, i, got)
			}
		}
	}
	switch k {
	case Kind8:
		got := make([]int8, 2)
		if CopyScalars(got, l); got[0] != 0x11 || got[1] != 0x22 {
			t.Errorf("%s: scalars %#x", name, got)
		}
	case Kind32:
		got := make([]uint32, 2)
		if CopyScalars(got, l); got[0] != 0x11111111 || got[1] != 0x22222222 {
			t.Errorf("%s: scalars %#x", name, got)
		}
	}
}

// CVE-2022-46149: a list of structs with data and pointers, read as a list of pointers and copied. The copy is the
// list as sent.
func TestCopyOfStructListReadAsPointerList(t *testing.T) {
	mb := NewMessageBuilder(BuilderOptions{})
	structs := mb.Root().NewStructList(Size{2, 2}, 3)
	for i := range 3 {
		s := structs.Struct(i)
		s.SetUint64(8, uint64(i))
		s.Ptr(0).SetText(fmt.Sprint("first ", i))
		s.Ptr(1).SetText(fmt.Sprint("second ", i))
	}
	m := NewMessage(mb.Segments(), Limits{})
	for _, k := range []Kind{KindText, KindData, KindPtr, ListOf(Kind8), KindStruct, Kind16, KindVoid} {
		l := m.Root().List(k)
		c := NewMessageBuilder(BuilderOptions{FirstWords: 1, GrowWords: 1})
		c.Root().SetList(l)
		if e := EqualPtr(c.Root().Reader(), m.Root()); e != IsEqual {
			t.Errorf("kind %#x: the copy is not equal: %v", k, readTree(c.Root().Reader()))
		}
		got := c.Root().Reader().List(KindText)
		for i := range 3 {
			if s, _ := got.Ptr(i).Text(); string(s) != fmt.Sprint("first ", i) {
				t.Errorf("kind %#x: element %d is %q", k, i, s)
			}
		}
	}
	if m.Err() != nil {
		t.Error(m.Err())
	}
}

// The padding bits behind a list of bools are not copied and do not matter for equality.
func TestBitPadding(t *testing.T) {
	a := NewMessage([][]byte{words(listWord(0, elemBit, 3), allOnes)}, Limits{})
	b := NewMessage([][]byte{words(listWord(0, elemBit, 3), 7)}, Limits{})
	if e := EqualPtr(a.Root(), b.Root()); e != IsEqual {
		t.Errorf("lists are %v", e)
	}
	mb := NewMessageBuilder(BuilderOptions{})
	mb.Root().Set(a.Root())
	if got := mb.seg0.bytes()[8]; got != 7 {
		t.Errorf("copied bits %#x, want 7", got)
	}
}

func TestFits(t *testing.T) {
	type enum uint16
	type text string
	type view Struct
	yes := map[string]bool{
		"void":    Fits[struct{}](KindVoid),
		"bool":    Fits[bool](KindBit),
		"uint8":   Fits[uint8](Kind8),
		"int8":    Fits[int8](Kind8),
		"enum":    Fits[enum](Kind16),
		"float32": Fits[float32](Kind32),
		"float64": Fits[float64](Kind64),
		"text":    Fits[text](KindText),
		"data":    Fits[[]byte](KindData),
		"view":    Fits[view](KindStruct),
		"ptr":     Fits[Ptr](KindPtr),
		"list":    Fits[List](ListOf(Kind8)),
		"any":     Fits[List](KindAny),
		"builder": Fits[StructBuilder](KindStruct),
		"lists":   Fits[ListBuilder](ListOf(ListOf(KindStruct))),
		"client":  Fits[struct{ p *int }](KindClient),
	}
	for name, ok := range yes {
		if !ok {
			t.Errorf("%s does not fit", name)
		}
	}
	no := map[string]bool{
		"text as 64 bits":   Fits[string](Kind64),
		"int as 8 bits":     Fits[int](Kind8),
		"uint16 as 8 bits":  Fits[uint16](Kind8),
		"pointer as 64":     Fits[*int](Kind64),
		"client as 64 bits": Fits[struct{ p *int }](Kind64),
		"uint8 as bool":     Fits[uint8](KindBit),
		"bool as 8 bits":    Fits[bool](Kind8),
		"int32 as 16":       Fits[int32](Kind16),
		"float64 as 32":     Fits[float64](Kind32),
		"data as text":      Fits[[]byte](KindText),
		"text as data":      Fits[string](KindData),
		"void as struct":    Fits[struct{}](KindStruct),
		"struct as void":    Fits[Struct](KindVoid),
		"list as struct":    Fits[List](KindStruct),
		"struct as list":    Fits[Struct](ListOf(Kind8)),
		"int as client":     Fits[int](KindClient),
		"data as struct":    Fits[[]byte](KindStruct),
	}
	for name, ok := range no {
		if ok {
			t.Errorf("%s fits", name)
		}
	}
	k := Kind8
	for range 15 {
		k = ListOf(k)
	}
	for range 15 {
		k = k.Inner()
	}
	if k != Kind8 || k.Nested() {
		t.Errorf("15 lists around %d and back give %d", Kind8, k)
	}
	for name, f := range map[string]func(){
		"16 lists":            func() { ListOf(0xf0) },
		"conversion of sizes": func() { Convert[uint8](uint16(1)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
