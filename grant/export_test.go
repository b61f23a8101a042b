package grant

// Rows is how many live grants the Keeper knows of, and how many edges it finds them by.
func (k *Keeper) Rows() (rows, edges int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.table.rows), len(k.table.byEdge) + len(k.table.current) + len(k.table.making)
}

// Busy is how many restores and calls of Grant have or wait for a place.
func (k *Keeper) Busy() int { return len(k.work[common].queue) }
