package grant_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/service/calculator"
	"lanyard.dev/store"
	"lanyard.dev/store/sqlite"
)

// objects is the host's names for what it has. The objects know nothing of grants.
func objects(_ context.Context, name string) (capnp.Client, error) {
	if name != "calculator" {
		return capnp.Client{}, fmt.Errorf("there is no %s", name)
	}
	return calculator.New(nil).Client, nil
}

// evaluates says whether a capability evaluates.
func evaluates(ctx context.Context, c capnp.Client) string {
	p := calculator.Calculator{Client: c}.Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) {
		p.NewExpression().SetLiteral(1)
	})
	defer p.Release()
	if _, err := p.Wait(); err != nil {
		code, _ := ocap.CodeOf(err)
		return fmt.Sprintf("%s: %v", code, err)
	}
	return "yes"
}

// A calculator is hosted, kept, shared on, and taken back.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "grants")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	// The host.
	ledger, err := sqlite.Open(ctx, filepath.Join(dir, "ledger"), nil)
	if err != nil {
		panic(err)
	}
	defer ledger.Close()
	schemas, err := schema.Load(calculator.CalculatorSchema())
	if err != nil {
		panic(err)
	}
	keeper, err := grant.New(ctx, ledger, ledger, schemas, objects, nil)
	if err != nil {
		panic(err)
	}
	defer keeper.Close()

	// It gives Alice its calculator, and her reference restores.
	_, secret, err := keeper.Issue(ctx, "calculator", &grant.Terms{Label: "alice"})
	if err != nil {
		panic(err)
	}
	alice, err := keeper.Restore(ctx, secret, nil)
	if err != nil {
		panic(err)
	}
	defer alice.Release()
	fmt.Println("alice:", evaluates(ctx, alice))

	// Alice gives Bob one method of it, for a day and two calls.
	evaluate := narrow.By(narrow.Narrowing{
		Interface: calculator.CalculatorEvaluateMethod.InterfaceID(),
		Methods:   []narrow.Method{{InterfaceID: calculator.CalculatorEvaluateMethod.InterfaceID()}},
	})
	bob, edge, err := keeper.Share(ctx, alice, &grant.Terms{
		Label: "bob", Steps: []narrow.Step{evaluate}, Expires: time.Now().Add(24 * time.Hour), Uses: 2,
	})
	if err != nil {
		panic(err)
	}
	defer bob.Release()
	fmt.Println("bob:", evaluates(ctx, bob), "from", edge.From)
	_, err = calculator.Calculator{Client: bob}.GetOperator(ctx, nil).Wait()
	fmt.Println("bob's getOperator is refused:", errors.Is(err, capnp.Unimplemented))

	// Whoever holds a grant can ask it what was shared from it, and take that back.
	mine := grant.Grant{Client: alice}
	res, err := mine.List(ctx, nil).Wait()
	if err != nil {
		panic(err)
	}
	for _, e := range res.Edges().All() {
		fmt.Println("shared:", e.Label(), e.Alive())
	}
	_, err = mine.Revoke(ctx, func(p grant.GrantRevokeParamsBuilder) {
		p.NewEdge().SetLabels([]string{"bob"})
		p.SetReason("the project is over")
		p.SetWait(true)
	}).Wait()
	if err != nil {
		panic(err)
	}
	fmt.Println("bob:", evaluates(ctx, bob))

	// The host takes everything back.
	_, err = keeper.Host().Revoke(ctx, func(p grant.GrantRevokeParamsBuilder) {
		p.NewEdge().SetLabels([]string{"alice"})
	}).Wait()
	if err != nil {
		panic(err)
	}
	_, err = keeper.Restore(ctx, secret, nil)
	fmt.Println("alice's reference:", err, errors.Is(err, store.ErrUnknown))
	// Output:
	// alice: yes
	// bob: yes from alice
	// bob's getOperator is refused: true
	// shared: bob true
	// bob: revoked: the capability was revoked: the project is over; alice can give more
	// alice's reference: there is no such grant true
}
