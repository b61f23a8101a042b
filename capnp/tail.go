package capnp

// SetPipeline publishes the capabilities of the results before the results are there: what is
// pipelined on the call goes from now on to where those of p are, which must be the same ones that
// the results will have. Only the first SetPipeline counts.
func (c *Call) SetPipeline(p interface{ tailAnswer() *Answer }) {
	a := p.tailAnswer()
	if a == nil {
		return
	}
	t := BeginTurn()
	c.OfferPipeline(a, t)
	t.End()
}

// Tail ends the call with the outcome of another: results, or the error, go to the caller as they
// are, and pipelined calls travel to where they lead. The method returns nil right afterwards.
// From then on p belongs to the call: it is cancelled with it, and not by the end of the method.
// See TailContext for how p's results may take a shorter way. Calls that would end as each other
// fail.
func (c *Call) Tail(p interface{ tailAnswer() *Answer }) error {
	a := p.tailAnswer()
	switch {
	case a == nil:
		return errNull
	case a.call == nil:
	case a.call.ends != nil && a.call.ends.of != c:
		return errNotTheTail
	case a.call.hints.OnlyPipeline && !c.hints.OnlyPipeline:
		return errPipelineOnly
	}
	if !c.setTail(a) {
		return errTailCycle
	}
	c.begun()
	t := BeginTurn()
	defer t.End()
	a.mu.Lock()
	settled, pipe := a.settled, a.pipeline
	if !settled {
		a.follow = append(a.follow, c)
	}
	a.given = true
	stop := a.stop
	a.mu.Unlock()
	if stop != nil {
		stop() // the call outlives the method that made it, and its context
	}
	if settled {
		c.Return(a.share(), t)
		a.releaseResults(t)
		return nil
	}
	if pipe == nil {
		pipe = a
	}
	c.OfferPipeline(pipe, t)
	if !c.SetExecutor((*tailed)(a)) {
		(*tailed)(a).CancelCall(c, t)
	}
	if a.call != nil && a.call.ends != nil {
		a.call.ended(t)
	}
	return nil
}

// tailed is an answer seen by a call that ends as it does.
type tailed Answer

func (x *tailed) CancelCall(c *Call, t *Turn) { (*Answer)(x).cancel(canceled(c)) }
