package contacts

import (
	"testing"

	"lanyard.dev/capnp"
)

func (d *desk) pending(q ApprovalQueue) []string {
	d.Helper()
	res, err := q.List(d.ctx, nil).Wait()
	var out []string
	for _, p := range ok(d, res, err).Mails().All() {
		out = append(out, p.Id())
	}
	return out
}

func (d *desk) approve(q ApprovalQueue, id string) (ApprovalQueueDecision, error) {
	res, err := q.Approve(d.ctx, func(p ApprovalQueueApproveParamsBuilder) { p.SetId(id) }).Wait()
	return res.Decision(), err
}

func (d *desk) reject(q ApprovalQueue, id string) (ApprovalQueueDecision, error) {
	res, err := q.Reject(d.ctx, func(p ApprovalQueueRejectParamsBuilder) { p.SetId(id) }).Wait()
	return res.Decision(), err
}

// TestApprovals: held mail waits over restarts, goes out once when approved and never when rejected;
// a decision stays.
func TestApprovals(t *testing.T) {
	d := newDesk(t)
	id := d.carol()
	held := func() ContactMailer {
		return d.contact(d.book, id).Mailer(d.ctx, func(p ContactMailerParamsBuilder) {
			p.NewPolicy().SetApproval(true)
			p.EditPolicy().SetLabel("intern")
			p.EditPolicy().SetSubjectPrefix("[intern] ")
		}).Mailer()
	}
	for _, key := range []string{"1", "2", "3"} {
		_, err := d.send(held(), key, "mail "+key)
		ok(t, 0, err)
	}
	d.flush()
	if len(d.sink.Messages()) != 0 {
		t.Fatal("held mail went out")
	}
	d.restart()
	queue := d.book.Approvals(d.ctx, nil).Queue()
	res, err := queue.List(d.ctx, nil).Wait()
	l := ok(t, res, err).Mails()
	if l.Len() != 3 || l.At(0).To() != "Carol" || l.At(0).Label() != "intern" || l.At(0).Draft().Subject() != "[intern] mail 1" || l.At(0).Draft().Text() != "Hello.\n" {
		t.Fatalf("the queue is %v", l)
	}
	first, second, third := l.At(0).Id(), l.At(1).Id(), l.At(2).Id()
	want := func(got ApprovalQueueDecision, err error, want ApprovalQueueDecision) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	got, err := d.approve(queue, first)
	want(got, err, ApprovalQueueDecisionApproved)
	got, err = d.approve(queue, first)
	want(got, err, ApprovalQueueDecisionApproved)
	got, err = d.reject(queue, first)
	want(got, err, ApprovalQueueDecisionApproved)
	got, err = d.reject(queue, second)
	want(got, err, ApprovalQueueDecisionRejected)
	got, err = d.approve(queue, second)
	want(got, err, ApprovalQueueDecisionRejected)
	d.flush()
	d.flush()
	if n := len(d.sink.Messages()); n != 1 || d.sink.Messages()[0].Subject != "[intern] mail 1" {
		t.Errorf("%d mails went out", n)
	}
	d.restart()
	queue = d.book.Approvals(d.ctx, nil).Queue()
	d.want("the queue", d.pending(queue), []string{third})
	if s := d.state(1).State(); s != ContactBookMailStateRejected {
		t.Errorf("the second is %v", s)
	}
	// A retry after the decision is not a new mail.
	_, err = d.send(held(), "2", "mail 2")
	ok(t, 0, err)
	d.want("the queue", d.pending(queue), []string{third})
	_, err = d.approve(queue, "nonsense")
	d.wantErr("an odd id", err, capnp.Failed)
}

// TestApprovalsInRow: Bob lends his mailer and wants to see mails, and so does Alice. Bob comes
// first, he cannot do what is Alice's to do, and the borrower can do neither's.
func TestApprovalsInRow(t *testing.T) {
	d := newDesk(t)
	bobs := d.contact(d.book, d.carol()).Mailer(d.ctx, func(p ContactMailerParamsBuilder) {
		p.NewPolicy().SetApproval(true)
		p.EditPolicy().SetLabel("bob")
	}).Mailer()
	label := func(p ContactMailerRequireApprovalParamsBuilder) { p.SetLabel("dan") }
	dans := bobs.RequireApproval(d.ctx, label).Mailer()
	bob := bobs.Approvals(d.ctx, func(p ContactMailerApprovalsParamsBuilder) { p.SetLabel("dan") }).Queue()
	dan := dans.Approvals(d.ctx, func(p ContactMailerApprovalsParamsBuilder) { p.SetLabel("dan") }).Queue()
	alice := d.book.Approvals(d.ctx, nil).Queue()

	_, err := d.send(dans, "1", "x")
	ok(t, 0, err)
	d.want("alice's queue", d.pending(alice), nil)
	d.want("dan's queue", d.pending(dan), nil)
	mails := d.pending(bob)
	if len(mails) != 1 {
		t.Fatalf("bob's queue has %d", len(mails))
	}
	res, err := bob.List(d.ctx, nil).Wait()
	if to := ok(t, res, err).Mails().At(0).To(); to != "" {
		t.Errorf("bob sees that it goes to %q", to)
	}
	for _, other := range []ApprovalQueue{alice, dan} {
		if _, err := d.approve(other, mails[0]); err == nil {
			t.Error("another queue takes bob's id")
		}
	}
	ok(t, 0, func() error { _, err := d.approve(bob, mails[0]); return err }())
	d.flush()
	if len(d.sink.Messages()) != 0 {
		t.Error("bob's yes was enough")
	}
	d.want("bob's queue", d.pending(bob), nil)
	mails = d.pending(alice)
	if len(mails) != 1 {
		t.Fatalf("alice's queue has %d", len(mails))
	}
	ok(t, 0, func() error { _, err := d.approve(alice, mails[0]); return err }())
	d.flush()
	if len(d.sink.Messages()) != 1 {
		t.Error("it did not go out")
	}
}
