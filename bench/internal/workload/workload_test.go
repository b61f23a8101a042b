package workload

import "testing"

// TestChecksums holds the workloads to what the C++ peer comes to, object or
// bytes.
func TestChecksums(t *testing.T) {
	for name, want := range map[string]uint64{"carsales": 16835078898, "catrank": 25058, "eval": 280477915696} {
		for _, bytes := range []bool{false, true} {
			w, err := New(name, bytes)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := w.Run(200); got != want || err != nil {
				t.Errorf("%s, bytes %v: checksum %d, %v, want %d", name, bytes, got, err, want)
			}
		}
	}
	if _, err := New("nonsense", true); err == nil {
		t.Error("there is no such workload")
	}
}

func BenchmarkBytes(b *testing.B) {
	for name := range kinds() {
		b.Run(name, func(b *testing.B) {
			w, _ := New(name, true)
			b.ReportAllocs()
			if _, err := w.Run(b.N); err != nil {
				b.Fatal(err)
			}
		})
	}
}
