package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/capjson"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/grant"
	"lanyard.dev/internal/cli/path"
)

// readJSON sets parameters to what JSON says. A capability is a text that is written like one in a path: "@bob".
func (s *session) readJSON(ctx context.Context, data []byte, b dynamic.StructBuilder) error {
	err := capjson.Unmarshal(data, b, &capjson.Options{
		DecodeCap: func(_, text string, _ dynamic.Interface) (capnp.Client, error) {
			source, ok := strings.CutPrefix(text, "@")
			if !ok {
				return capnp.Client{}, fmt.Errorf("%q is no capability: those are written @petname, or @ and a path", text)
			}
			p, err := path.Parse(source)
			if err != nil {
				return capnp.Client{}, err
			}
			c, err := s.reach(ctx, source, p)
			return another(c), err
		},
	})
	if bad, ok := errors.AsType[*capjson.Error](err); ok {
		return &usageError{"lanyard call", bad}
	}
	return err
}

// writeJSON writes what a path leads to in results. A capability is written as the path that leads to it, where there
// is one: it can be shared by that.
func writeJSON(res dynamic.Struct, p *plan) ([]byte, error) {
	o := &capjson.Options{
		Indent:  "  ",
		Replace: true,
		EncodeCap: func(at string, _ capnp.Client, of dynamic.Interface) (string, error) {
			at = strings.TrimPrefix(at, "$")
			if strings.Contains(at, "[") || p.hasJSON() {
				return "capability " + of.Name(), nil
			}
			return "@" + p.source + at, nil
		},
	}
	if p.fields == "" {
		return capjson.Marshal(res, o)
	}
	v, err := res.Get(p.fields)
	if err != nil {
		return nil, err
	}
	return capjson.MarshalValue(v, o)
}

func (p *plan) hasJSON() bool {
	return len(p.calls) > 0 && p.calls[len(p.calls)-1].json != nil
}

// another is a second reference to a capability.
func another(c capnp.Client) capnp.Client { return capnp.AddRef(grant.Grant{Client: c}).Client }
