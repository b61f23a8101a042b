package capnp

// Within is At, unless that would take more than room new steps. Then the hook is nil. made is how
// many steps were new.
func (a *Answer) Within(path []uint16, room int) (h Hook, made int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := &a.root
	for i, field := range path {
		var k *node
		for _, x := range n.kids {
			if x.path[len(x.path)-1] == field {
				k = x
				break
			}
		}
		if k == nil {
			if made = len(path) - i; made > room {
				return nil, 0
			}
			break
		}
		n = k
	}
	return a.hookOf(a.lookup(path)), made
}
