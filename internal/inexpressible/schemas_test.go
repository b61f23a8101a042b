package inexpressible

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/schema"
)

// key is a method as calls name it.
type key struct {
	iface  uint64
	method uint16
}

// An atlas is every interface of every schema in the repository.
type atlas struct {
	names   map[uint64]string
	methods map[uint64]int
	bases   map[uint64][]uint64
	service []uint64 // the interfaces of services
}

// chart compiles every schema in the repository.
func chart(t *testing.T) *atlas {
	t.Helper()
	root := os.DirFS("../..")
	a := &atlas{map[uint64]string{}, map[uint64]int{}, map[uint64][]uint64{}, nil}
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "build" || file != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case path.Ext(file) != ".capnp":
			return nil
		}
		// One at a time: peers have copies of some schemas.
		res, err := compiler.Compile([]string{file}, &compiler.Options{Files: root, ImportFS: []fs.FS{root}})
		if err != nil {
			return err
		}
		if !res.OK() {
			t.Errorf("%s does not compile: %v", file, res.Diags)
			return nil
		}
		for _, n := range res.Request.Nodes().All() {
			if n.Which() == schema.NodeWhichInterface {
				a.add(n, strings.HasPrefix(n.DisplayName(), "service/"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *atlas) add(n schema.Node, service bool) {
	id := n.Id()
	if service && !slices.Contains(a.service, id) {
		a.service = append(a.service, id)
	}
	if _, ok := a.names[id]; ok {
		return
	}
	a.names[id] = n.DisplayName()
	a.methods[id] = n.Interface().Methods().Len()
	for _, s := range n.Interface().Superclasses().All() {
		a.bases[id] = append(a.bases[id], s.Id())
	}
}

// all lists every method, and for each interface one that is not there (yet), and an interface that nobody has.
func (a *atlas) all() []key {
	out := []key{{0xdead_beef_dead_beef, 0}, {0, 0}}
	for id, n := range a.methods {
		for m := range n + 1 {
			out = append(out, key{id, uint16(m)})
		}
		out = append(out, key{id, 0xffff})
	}
	slices.SortFunc(out, func(x, y key) int { return cmp.Or(cmp.Compare(x.iface, y.iface), cmp.Compare(x.method, y.method)) })
	return out
}

// of lists the methods of an interface, inherited ones included.
func (a *atlas) of(id uint64) map[key]bool {
	out := map[key]bool{}
	for m := range a.methods[id] {
		out[key{id, uint16(m)}] = true
	}
	for _, b := range a.bases[id] {
		for k := range a.of(b) {
			out[k] = true
		}
	}
	return out
}

// id finds an interface of a service by its name in the schema.
func (a *atlas) id(t *testing.T, name string) uint64 {
	t.Helper()
	for _, id := range a.service {
		if strings.HasSuffix(a.names[id], ":"+name) {
			return id
		}
	}
	t.Fatalf("no service has an interface %s", name)
	return 0
}

// method names a method, for errors.
func (a *atlas) method(k key) string {
	name, ok := a.names[k.iface]
	if !ok {
		name = "nobody's"
	}
	return fmt.Sprintf("%s (%#x) @%d", name, k.iface, k.method)
}
