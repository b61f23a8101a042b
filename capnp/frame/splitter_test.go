package frame

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// messages are tables and segments of every shape that matters: one segment and more, an even
// number of them, empty ones.
func splitterMessages() [][]byte {
	var out [][]byte
	for _, sizes := range [][]int{{1}, {0}, {3}, {1, 2}, {0, 0}, {5, 0, 7}, {1, 1, 1, 1}, {200}, {0, 0, 0}} {
		var segs [][]byte
		for i, n := range sizes {
			segs = append(segs, bytes.Repeat([]byte{byte(i + 1)}, 8*n))
		}
		m := AppendTable(nil, segs)
		for _, s := range segs {
			m = append(m, s...)
		}
		out = append(out, m)
	}
	return out
}

// However the stream is cut up, the messages are found, and no more is said to be known than is.
func TestSplitterFindsMessages(t *testing.T) {
	want := splitterMessages()
	stream := bytes.Join(want, nil)
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var s Splitter
		var got [][]byte
		var m []byte
		for at := 0; at < len(stream); {
			rest := len(want[len(got)]) - len(m)
			if k := s.Known(); k < 1 || k > int64(rest) {
				t.Fatalf("round %d, byte %d: Known %d, %d are left", round, at, k, rest)
			}
			if s.Inside() != (len(m) > 0) {
				t.Fatalf("round %d, byte %d: Inside %v", round, at, s.Inside())
			}
			piece := stream[at:min(len(stream), at+1+rnd.IntN(1+round))]
			for len(piece) > 0 {
				n, end := s.Cut(piece)
				m = append(m, piece[:n]...)
				piece = piece[n:]
				at += n
				if end {
					got, m = append(got, m), nil
				}
			}
		}
		if len(got) != len(want) || len(m) > 0 || s.Inside() {
			t.Fatalf("round %d: %d messages and %d bytes, want %d", round, len(got), len(m), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("round %d: message %d is % x, want % x", round, i, got[i], want[i])
			}
		}
	}
}

// Sizes whose sum has no place do not wrap around: the message never ends.
func TestSplitterDoesNotOverflow(t *testing.T) {
	var s Splitter
	head := binary.LittleEndian.AppendUint32(nil, math.MaxUint32)
	if n, end := s.Cut(head); n != 4 || end || s.Known() != 4*(1<<32+1) {
		t.Fatalf("cut %d, %v, known %d", n, end, s.Known())
	}
	s = Splitter{state: inTable, words: 1, sizes: 1, body: hugeBody - 8}
	if _, end := s.Cut([]byte{255, 255, 255, 255}); end || s.Known() != hugeBody {
		t.Errorf("known %d, want %d", s.Known(), int64(hugeBody))
	}
}
