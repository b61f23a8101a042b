package narrow

import (
	"slices"

	"lanyard.dev/capnp/schema"
)

// Judged returns the methods that n leaves: first those whose arguments a condition of n judges, then the others, whose
// calls pass whatever their arguments are. Both are in the order of the interface. It is for saying what a narrowing
// does not do, and fails as Check does if n cannot be understood.
func (n *Narrowing) Judged(reg *schema.Registry) (judged, others []Method, err error) {
	w, err := bindWhere(reg, n.Interface, n.Where)
	if err != nil {
		return nil, nil, err
	}
	iface, err := lookupInterface(reg, n.Interface)
	if err != nil {
		return nil, nil, err
	}
	for m := range iface.Methods() {
		id := methodOf(m)
		switch {
		case n.Methods != nil && !slices.Contains(n.Methods, id), n.ReadOnly && !m.ReadOnly(), w.only != nil && !w.only[id]:
		case len(w.checks[id]) > 0:
			judged = append(judged, id)
		default:
			others = append(others, id)
		}
	}
	return judged, others, nil
}
