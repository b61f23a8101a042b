package contacts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"strconv"
	"strings"
	"time"
)

// A person is a contact seen through a view. Whether it exists is found out when somebody asks.
type person struct {
	v  *view
	id int64
}

// contactName implements ContactName.
type contactName struct {
	UnimplementedContactName
	p *person
}

// contactCard implements ContactCard.
type contactCard struct {
	UnimplementedContactCard
	contactName
}

// contact implements Contact.
type contact struct {
	UnimplementedContact
	contactCard
}

func newContactName(p *person) ContactName { return NewContactName(&contactName{p: p}) }
func newContactCard(p *person) ContactCard {
	return NewContactCard(&contactCard{contactName: contactName{p: p}})
}
func newContact(p *person) Contact {
	return NewContact(&contact{contactCard: contactCard{contactName: contactName{p: p}}})
}

// entry reads the contact.
func (p *person) entry(ctx context.Context) (entry, error) {
	e, err := p.v.entry(ctx, p.v.s.read, p.id)
	return e, p.v.s.trouble(err)
}

// with is the person seen through fewer fields.
func (p *person) with(m mask) *person {
	v := *p.v
	v.mask &= m
	return &person{&v, p.id}
}

// Display implements ContactName.
func (c *contactName) Display(ctx context.Context, call ContactNameDisplayCall) error {
	call.Unblock()
	e, err := c.p.entry(ctx)
	if err != nil {
		return err
	}
	call.Results().SetName(e.name)
	if photo, ok := e.card.First("PHOTO"); ok && c.p.v.mask.has(FieldPhoto) {
		if _, content, ok := photo.Data(); ok {
			call.Results().SetPhoto(content)
		}
	}
	return nil
}

// Card implements ContactCard.
func (c *contactCard) Card(ctx context.Context, call ContactCardCardCall) error {
	call.Unblock()
	m := c.p.v.mask
	if list := call.Params().Only(); list.Len() > 0 {
		some, err := maskOf(list)
		if err != nil {
			return err
		}
		m &= some
	}
	e, err := c.p.entry(ctx)
	if err != nil {
		return err
	}
	fill(call.Results().NewCard(), e.card, m)
	return nil
}

// NameOnly implements ContactCard.
func (c *contactCard) NameOnly(_ context.Context, call ContactCardNameOnlyCall) error {
	call.Results().SetContact(newContactName(c.p.with(1<<FieldName | 1<<FieldPhoto)))
	return nil
}

// Fields implements ContactCard.
func (c *contactCard) Fields(_ context.Context, call ContactCardFieldsCall) error {
	m, err := maskOf(call.Params().Mask())
	if err != nil {
		return err
	}
	call.Results().SetContact(newContactCard(c.p.with(m)))
	return nil
}

// markTime is how long the other contact has to answer.
const markTime = 10 * time.Second

// SamePerson implements ContactCard. The other may stand behind wrappers and connections, so it is
// asked for something that only the same contact of the same book can say. Whoever made it up can
// pass the question on to a contact that it has, and so learns nothing that it could not ask.
func (c *contactCard) SamePerson(ctx context.Context, call ContactCardSamePersonCall) error {
	other := call.Params().Other()
	if other.IsNull() {
		return failed("there is no other contact")
	}
	ctx, cancel := context.WithTimeout(ctx, markTime)
	defer cancel()
	challenge := make([]byte, 32)
	rand.Read(challenge)
	call.Unblock()
	p := other.Mark(ctx, func(p ContactCardMarkParamsBuilder) { p.SetChallenge(challenge) })
	defer p.Release()
	res, err := p.Wait()
	if err != nil {
		return err
	}
	call.Results().SetSame(hmac.Equal(res.Mark(), c.p.mark(challenge)))
	return nil
}

// Mark implements ContactCard.
func (c *contactCard) Mark(_ context.Context, call ContactCardMarkCall) error {
	challenge := call.Params().Challenge()
	if len(challenge) != 32 {
		return failed("a challenge has 32 bytes")
	}
	call.Results().SetMark(c.p.mark(challenge))
	return nil
}

// mark depends on the contact, not on the view.
func (p *person) mark(challenge []byte) []byte {
	k := p.v.s.key.derive("mark", string(challenge), strconv.FormatInt(p.id, 10))
	return k[:]
}

// ReadOnly implements Contact.
func (c *contact) ReadOnly(_ context.Context, call ContactReadOnlyCall) error {
	call.Results().SetContact(newContactCard(c.p))
	return nil
}

// Mailer implements Contact.
func (c *contact) Mailer(_ context.Context, call ContactMailerCall) error {
	p := call.Params().Policy()
	if err := checkLabel(p.Label()); err != nil {
		return err
	}
	s := c.p.v.s
	m := &sender{
		s: s, card: c.p.id, tags: c.p.v.tags, label: p.Label(),
		key: c.p.v.key.derive("mailer", strconv.FormatInt(c.p.id, 10), p.Label()),
	}
	var err error
	add := func(l layer, how string) {
		if err == nil {
			m, err = m.with(l, how, m.label)
		}
	}
	sends, per := s.options.Sends, s.options.Per
	if p.Sends() != 0 || p.PerSeconds() != 0 {
		sends, per = p.Sends(), time.Duration(p.PerSeconds())*time.Second
	}
	add(layer{kind: budget, sends: sends, per: per}, "budget")
	if p.NotAfter() != 0 {
		add(layer{kind: expiry, at: time.Unix(p.NotAfter(), 0)}, "expires")
	}
	if prefix := p.SubjectPrefix(); strings.TrimSpace(prefix) != "" {
		add(layer{kind: subjectPrefix, prefix: prefix}, "prefix")
	}
	if p.Approval() {
		add(layer{kind: approval, queue: c.p.v.key.derive("approvals"), owner: true}, "approval")
	}
	if p.TextOnly() {
		add(layer{kind: textOnly}, "text")
	}
	if err != nil {
		return err
	}
	call.Results().SetMailer(newMailer(m))
	return nil
}
