//go:build unix

package vat

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCapFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.cap")
	r := testReference(t)
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	for range 2 { // the second replaces the first
		if err := WriteCap(path, r); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	got, err := ReadCap(path)
	if err != nil || !got.Equal(r) {
		t.Errorf("read %v, %v", got, err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("files are left: %v", names)
	}
}

// A file that others could have read, or put there, is refused, whether it is a reference or a key.
func TestPrivateFilesRefused(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	good := in("good")
	if err := WriteCap(good, testReference(t)); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(good)
	put := func(name string, mode fs.FileMode, data []byte) {
		t.Helper()
		if err := os.WriteFile(in(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(in(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("group", 0o640, text)
	put("world", 0o604, text)
	put("writable", 0o620, text)
	put("large", 0o600, append(text, make([]byte, maxFile)...))
	put("garbage", 0o600, []byte("capnp://sha-256:AAAA@h:1/verysecret"))
	if err := os.Symlink(good, in("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(in("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(in("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		put("foreign", 0o600, text)
		if err := os.Chown(in("foreign"), 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"group", "world", "writable", "large", "garbage", "link", "folder", "pipe", "foreign", "missing"} {
		if _, err := ReadCap(in(name)); err == nil {
			t.Errorf("%s was read", name)
		} else if strings.Contains(err.Error(), "verysecret") {
			t.Errorf("%s: the error has the secret: %v", name, err)
		}
		if _, err := LoadIdentity(in(name)); err == nil {
			t.Errorf("%s is an identity", name)
		}
	}
}

func TestIdentityFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "identity.pem")
	id, err := CreateIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := LoadIdentity(path)
	if err != nil || again.Key() != id.Key() {
		t.Errorf("loaded %v, %v", again, err)
	}
	if _, err := CreateIdentity(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("files are left: %v", names)
	}
	whole, _ := os.ReadFile(path)
	block, _ := pem.Decode(whole)
	if block == nil || block.Type != "PRIVATE KEY" {
		t.Fatal("no PEM")
	}

	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ := x509.MarshalPKCS8PrivateKey(ec)
	for name, data := range map[string][]byte{
		"another kind":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"another block": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: block.Bytes}),
		"encrypted":     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: block.Bytes}),
		"cut off":       pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: block.Bytes[:len(block.Bytes)-3]}),
		"two":           append(append([]byte{}, whole...), whole...),
		"empty":         nil,
	} {
		p := filepath.Join(dir, "bad")
		os.WriteFile(p, data, 0o600)
		if _, err := LoadIdentity(p); err == nil {
			t.Errorf("%s is an identity", name)
		}
	}
}

// A service lets replicas act for it, for a while.
func TestDelegation(t *testing.T) {
	service, replica, other := newTestIdentity(t), newTestIdentity(t), newTestIdentity(t)
	d, err := service.Certify(replica.Public(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseDelegation(d.Marshal())
	if err != nil || back.Service() != service.Key() || back.Replica() != replica.Key() || time.Until(back.Expires()) < 58*time.Minute {
		t.Errorf("%+v, %v", back, err)
	}
	if err := other.Delegate(d); err == nil {
		t.Error("another vat takes the delegation")
	}
	if err := replica.Delegate(d); err != nil || replica.peer() != (peer{own: replica.Key(), service: service.Key()}) {
		t.Error(err)
	}
	for _, lifetime := range []time.Duration{0, -1, maxLifetime + 1} {
		if _, err := service.Certify(replica.Public(), lifetime); err == nil {
			t.Errorf("certified for %s", lifetime)
		}
	}
	if _, err := service.Certify(nil, time.Hour); err == nil {
		t.Error("certified no key")
	}
	text := string(d.Marshal())
	half := text[strings.LastIndex(text, "-----BEGIN"):]
	for name, s := range map[string]string{"empty": "", "one": half, "three": text + half, "twice the service": half + half, "noise": "x"} {
		if _, err := ParseDelegation([]byte(s)); err == nil {
			t.Errorf("%s is a delegation", name)
		}
	}
}

// Nor does a private key come out, however what it stands in is printed.
func TestIdentityHidesItsKey(t *testing.T) {
	id := newTestIdentity(t)
	seed := id.private().Seed()
	var out strings.Builder
	for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, f+"\n", id)
		fmt.Fprintf(&out, f+"\n", struct{ o *Options }{&Options{Identity: id}})
		fmt.Fprintf(&out, f+"\n", Options{Identity: id})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "id", id, "o", Options{Identity: id})
	for _, leak := range []string{string(seed), fmt.Sprintf("%x", seed[:8]), strings.Trim(fmt.Sprint(seed[:8]), "[]"), fmt.Sprintf("%#v", seed[:6])[8:30]} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the key comes out as %q", leak)
		}
	}
}
