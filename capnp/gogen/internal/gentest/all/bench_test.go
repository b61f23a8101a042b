package all_test

import (
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/gogen/internal/gentest/all"
)

// What an accessor costs: ns per operation. A getter that the compiler does not inline costs several times as much.
func BenchmarkAccessors(b *testing.B) {
	m := capnp.NewMessage(nil)
	e := all.NewRootEverything(m)
	s := e.NewScalars()
	s.SetI64(1)
	c := e.NewChoice()
	c.SetNumber(3)
	l := e.NewLists()
	l.SetI32s(make([]int32, 1000))
	l.NewPoints(1000)
	b.Run("set", func(b *testing.B) {
		for i := range b.N {
			s.SetI64(int64(i))
		}
	})
	b.Run("set in union", func(b *testing.B) {
		for i := range b.N {
			c.SetNumber(int64(i))
		}
	})
	root := capnp.Root[all.Everything](m.Seal())
	scalars, choice, lists := root.Scalars(), root.Choice(), root.Lists()
	var sum int64
	b.Run("get", func(b *testing.B) {
		for range b.N {
			sum += scalars.I64()
		}
	})
	b.Run("get in union", func(b *testing.B) {
		for range b.N {
			sum += choice.Number()
		}
	})
	b.Run("get struct", func(b *testing.B) {
		for range b.N {
			sum += root.Scalars().I64()
		}
	})
	b.Run("get list", func(b *testing.B) {
		for range b.N {
			sum += int64(lists.Points().Len())
		}
	})
	b.Run("get element", func(b *testing.B) {
		p := lists.Points()
		for i := range b.N {
			sum += int64(p.At(i % 1000).X())
		}
	})
	b.Run("get number", func(b *testing.B) {
		p := lists.I32s()
		for i := range b.N {
			sum += int64(p.At(i % 1000))
		}
	})
	if sum == 0 {
		b.Log(sum)
	}
}
