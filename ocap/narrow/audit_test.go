package narrow

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/ocap"
)

// What the schema says is secret is in no record, everything else is.
func TestAuditLeavesSecretsOut(t *testing.T) {
	reg := registry(t)
	iface, err := dynamic.LookupInterface(reg, itemID)
	if err != nil {
		t.Fatal(err)
	}
	item := capnp.NewServer(&counter{iface, &sums{ran: map[string]int{}}})
	k := &keeper{}
	h := ocap.Narrow(item, ocap.AuditPolicy(k, &ocap.AuditOptions{Registry: reg, Errors: true}), nil)
	m, err := iface.Method("write")
	if err != nil {
		t.Fatal(err)
	}
	if err := call(t, h, m, params(t, m, sets{"text": "open words", "password": "hunter2"})); err != nil {
		t.Fatal(err)
	}
	all := k.json(t)
	if strings.Contains(all, "hunter2") {
		t.Errorf("the secret is in %s", all)
	}
	if want := `"method":"Item.write","bytes":`; !strings.Contains(all, want) {
		t.Errorf("%s lacks %s", all, want)
	}
	if want := `"params":{"password":"(secret)","text":"open words"}`; !strings.Contains(all, want) {
		t.Errorf("%s lacks %s", all, want)
	}
}

// Records of any parameters are JSON of bounded length.
func TestAuditIsBounded(t *testing.T) {
	reg := registry(t)
	c, _ := newDesk(t, reg)
	k := &keeper{}
	h := ocap.Narrow(c, ocap.AuditPolicy(k, &ocap.AuditOptions{Registry: reg}), nil)
	words := make([]string, 10000)
	for i := range words {
		words[i] = strings.Repeat("\x00\xff", 100)
	}
	m := deskMethod(t, "send")
	if err := call(t, h, m, params(t, m, sets{"text": strings.Repeat("x", 1<<20), "to": words})); err != nil {
		t.Fatal(err)
	}
	if all := k.json(t); len(all) > 20000 {
		t.Errorf("records of %d bytes", len(all))
	}
}

type keeper struct {
	mu  sync.Mutex
	all []ocap.Record
}

func (k *keeper) Record(b []ocap.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, b...)
	return nil
}

func (k *keeper) json(t *testing.T) string {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	b, err := json.Marshal(k.all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
