package rpc

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/capnp"
)

// door is what the connections that one Serve accepted have in common: how many there are, the
// methods and the memory they share, and a ticker that looks for peers that begin and do not go on.
type door struct {
	limits  Limits
	methods *capnp.Slots
	log     *slog.Logger

	mu      sync.Mutex
	total   int                // connections
	hosts   map[netip.Addr]int // of them by address; loopback does not count
	guests  map[*Conn]*guest
	held    int64 // charged to all guests
	refused int   // since it was logged last
	logged  time.Time
}

// guest is a connection as the door knows it.
type guest struct {
	came    time.Time
	tables  int64 // charged: what the engine and the queue hold
	reading int64 // charged: of a message that is coming
	ended   bool  // sent away; its charges are struck off

	stuck since // in the middle of a message
	got   int64 // bytes when that began
}

// messageStep is what has to come of a message in each Limits.MessageTime.
const messageStep = 10 << 10

func newDoor(o *Options) *door {
	l := o.Limits.withDefaults()
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &door{
		limits: l, log: log, methods: capnp.NewSlots(l.ServerMethods, nil, nil),
		hosts: map[netip.Addr]int{}, guests: map[*Conn]*guest{},
	}
}

// admit lets a connection in, or closes it.
func (d *door) admit(nc net.Conn) bool {
	host := hostOf(nc)
	d.mu.Lock()
	ok := d.total < d.limits.Connections && (!host.IsValid() || d.hosts[host] < d.limits.PerHost)
	log := false
	if ok {
		d.total++
		if host.IsValid() {
			d.hosts[host]++
		}
	} else {
		d.refused++
		if now := time.Now(); now.Sub(d.logged) > time.Second { // a flood must not fill the log
			d.logged, log = now, true
		}
	}
	refused := d.refused
	if log {
		d.refused = 0
	}
	d.mu.Unlock()
	if log {
		d.log.Info("connections refused", "count", refused, "last", nc.RemoteAddr())
	}
	if !ok {
		nc.Close()
	}
	return ok
}

// hostOf is the address that PerHost counts; invalid for loopback and what has none.
func hostOf(nc net.Conn) netip.Addr {
	a, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok || a.IP.IsLoopback() {
		return netip.Addr{}
	}
	addr := a.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() { // who has one has the whole network
		p, _ := addr.Prefix(64)
		addr = p.Addr()
	}
	return addr
}

// gone is called when what admit let in is closed.
func (d *door) gone(nc net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total--
	if host := hostOf(nc); host.IsValid() {
		if d.hosts[host]--; d.hosts[host] == 0 {
			delete(d.hosts, host)
		}
	}
}

func (d *door) enter(c *Conn) {
	d.mu.Lock()
	d.guests[c] = &guest{came: time.Now()}
	d.mu.Unlock()
}

func (d *door) leave(c *Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[c]; !g.ended {
		d.held -= g.tables + g.reading
	}
	delete(d.guests, c)
}

// watch looks after the guests until ctx ends.
func (d *door) watch(ctx context.Context) {
	period := time.Second
	for _, p := range []time.Duration{d.limits.FirstMessage, d.limits.MessageTime} {
		if p > 0 {
			period = min(period, max(p/4, time.Millisecond))
		}
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			d.look(now)
		}
	}
}

func (d *door) look(now time.Time) {
	type late struct {
		c          *Conn
		limit, why string
	}
	var lates []late
	d.mu.Lock()
	for c, g := range d.guests {
		if limit, why := d.late(c, g, now); limit != "" && !g.ended {
			lates = append(lates, late{c, limit, why})
		}
	}
	d.mu.Unlock()
	for _, l := range lates {
		l.c.end(l.limit, l.why)
	}
}

// late reports whether a guest does not go on with what it has begun.
func (d *door) late(c *Conn, g *guest, now time.Time) (limit, why string) {
	got, done := c.meter.got.Load(), c.meter.done.Load()
	l := d.limits
	if l.FirstMessage > 0 && done == 0 && got < messageStep && now.Sub(g.came) >= l.FirstMessage {
		return "FirstMessage", "the peer sent no message"
	}
	if l.MessageTime <= 0 {
		return "", ""
	}
	// Not the peer's fault while nothing is read.
	began := g.stuck.start
	stuck := g.stuck.look(now, got > done && !c.overFlow(), done)
	if g.stuck.start != began {
		g.got = got
	}
	if stuck < l.MessageTime {
		return "", ""
	}
	if got-g.got < messageStep {
		return "MessageTime", "the peer sends a message too slowly"
	}
	g.stuck.start, g.got = now, got
	return "", ""
}

// chargeStep is by how much what a connection holds must change to be charged anew.
const chargeStep = 64 << 10

// charge notes what the tables or the incoming message of c hold now. It returns a connection to
// close if that is too much for all together.
func (d *door) charge(c *Conn, reading bool, held int64) *Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.guests[c]
	if g == nil || g.ended {
		return nil
	}
	p := &g.tables
	if reading {
		p = &g.reading
	}
	d.held += held - *p
	*p = held
	if d.held <= d.limits.ServerBytes {
		return nil
	}
	var most *guest
	var which *Conn
	for c, g := range d.guests {
		if !g.ended && (most == nil || g.tables+g.reading > most.tables+most.reading) {
			most, which = g, c
		}
	}
	most.ended = true
	d.held -= most.tables + most.reading
	return which
}

const crowdedOut = "the server holds too much for all its connections, and most for this one"

// recharge tells the door what the connection holds. The drainer calls it.
func (c *Conn) recharge(t *capnp.Turn) {
	held := c.e.Held() + c.out.bytes()
	if diff := held - c.charged; diff < chargeStep && diff > -chargeStep {
		return
	}
	c.charged = held
	if x := c.door.charge(c, false, held); x != nil {
		x.Push(x.crowdedOut(), t)
	}
}

// meter counts what is read. It belongs to whoever reads, but for the counts.
type meter struct {
	c       *Conn
	r       io.Reader
	got     atomic.Int64 // bytes
	done    atomic.Int64 // of them messages that were complete
	charged int64
}

// source is what the connection reads from.
func (c *Conn) source() io.Reader {
	if c.door == nil {
		return c.rwc
	}
	c.meter.c, c.meter.r = c, c.rwc
	return &c.meter
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	got := m.got.Add(int64(n))
	// A buffer that grows as it fills takes up to three times what has come for a moment.
	if coming := 3 * (got - m.done.Load()); coming > m.charged+chargeStep {
		m.charge(coming)
	}
	return n, err
}

// message is told that a message was complete, after which so much is left in the buffer.
func (m *meter) message(buffered int) {
	if m.r == nil {
		return
	}
	m.done.Store(m.got.Load() - int64(buffered))
	if m.charged > 0 {
		m.charge(0)
	}
}

func (m *meter) charge(n int64) {
	m.charged = n
	if x := m.c.door.charge(m.c, true, n); x != nil {
		x.background(x.crowdedOut())
	}
}
