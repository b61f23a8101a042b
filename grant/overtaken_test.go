package grant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/grant"
	"lanyard.dev/grant/internal/shelf"
	"lanyard.dev/store"
)

// A revocation that is made after a restore has read the ledger, and before it hands anything out, holds
// for it; one that was undone meanwhile does not.
func TestRevokeOvertakesRestore(t *testing.T) {
	engines(t, func(t *testing.T, open func() engine) {
		for _, undone := range []bool{false, true} {
			s := &shelf.Store{}
			asked, answer := make(chan struct{}), make(chan struct{})
			l := open()
			slow, err := grant.New(t.Context(), l, l, schemas(t), func(ctx context.Context, name string) (capnp.Client, error) {
				asked <- struct{}{}
				<-answer
				return s.Objects(ctx, name)
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer slow.Close()
			label := map[bool]string{false: "alice", true: "bob"}[undone]
			_, secret, err := slow.Issue(t.Context(), "box a", &grant.Terms{Label: label})
			if err != nil {
				t.Fatal(err)
			}
			type result struct {
				c   capnp.Client
				err error
			}
			done := make(chan result)
			go func() {
				c, err := slow.Restore(context.WithoutCancel(t.Context()), secret, nil)
				done <- result{c, err}
			}()
			<-asked
			id, err := revoke(t.Context(), slow.Host(), label)
			if err == nil && undone {
				_, err = slow.Host().Undo(t.Context(), func(p grant.GrantUndoParamsBuilder) { p.SetRevocation(id) }).Wait()
			}
			if err != nil {
				t.Fatal(err)
			}
			close(answer)
			r := <-done
			if !undone {
				if !errors.Is(r.err, store.ErrUnknown) {
					t.Errorf("restored although it was revoked: %v", r.err)
				}
				continue
			}
			if r.err != nil {
				t.Fatalf("not restored although the revocation was undone: %v", r.err)
			}
			// The feed still has to tell of the revocation.
			<-time.After(400 * time.Millisecond)
			if err := add(t.Context(), r.c, 1); err != nil {
				t.Errorf("killed by a revocation that had been undone: %v", err)
			}
			r.c.Release()
		}
	})
}
