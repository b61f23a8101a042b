package workload

import "testing"

// TestChecksums holds the workloads to what the C++ peer comes to.
func TestChecksums(t *testing.T) {
	for name, want := range map[string]uint64{"carsales": 16835078898, "catrank": 25058, "eval": 280477915696} {
		for _, how := range []How{Object, Bytes, Fresh} {
			w, err := New(name, how)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := w.Run(200); got != want || err != nil {
				t.Errorf("%s, how %v: checksum %d, %v, want %d", name, how, got, err, want)
			}
		}
	}
	if _, err := New("nonsense", Bytes); err == nil {
		t.Error("there is no such workload")
	}
}

func BenchmarkBytes(b *testing.B) {
	for name := range kinds() {
		b.Run(name, func(b *testing.B) {
			w, _ := New(name, Bytes)
			b.ReportAllocs()
			if _, err := w.Run(b.N); err != nil {
				b.Fatal(err)
			}
		})
	}
}
