package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"lanyard.dev/store"
	"lanyard.dev/store/sqlite"
)

// Alice has the book and shares it with Bob, who shares it with Carol. What she
// gave she can take back, and give again.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := sqlite.Open(ctx, filepath.Join(dir, "ledger"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	share := func(by store.EdgeID, label string) (store.Edge, store.Secret) {
		e, s, err := l.Share(ctx, by, store.Share{Label: label, Object: "book", Stored: true})
		if err != nil {
			log.Fatal(err)
		}
		return e, s
	}
	alice, _ := share(store.Host, "alice")
	bob, _ := share(alice.ID, "bob")
	_, carols := share(bob.ID, "carol")

	restore := func() {
		chain, err := l.Restore(ctx, carols, nil)
		if err != nil {
			fmt.Println("carol:", err)
			return
		}
		for _, e := range chain.Edges {
			fmt.Print(" > ", e.Label)
		}
		fmt.Println()
	}
	restore()
	r, err := l.Revoke(ctx, alice.ID, bob.ID, "bob has left")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("revoked:", r.Effect.Total, "edges")
	restore()
	if _, err := l.Undo(ctx, alice.ID, r.ID); err != nil {
		log.Fatal(err)
	}
	restore()
	// Output:
	//  > alice > bob > carol
	// revoked: 2 edges
	// carol: store: no such grant
	//  > alice > bob > carol
}
