package archtest

import (
	"go/ast"
	"strings"
)

// identityImports are what a service could learn from who it is that calls. Mail goes out to a server whose name is
// checked: that is TLS as a client, and says nothing of callers.
var identityImports = []struct{ path, except string }{
	{"./vat", ""},
	{"./grant", ""},
	{"./store", ""},
	{"./rpc", ""},
	{"crypto/tls", "service/contacts/mail"},
	{"crypto/x509", "service/contacts/mail"},
	{"net/http", ""},
	{"os/user", ""},
	{"google.golang.org/grpc/peer", ""},
}

// identityNames are methods and functions that tell one caller from another.
var identityNames = []string{
	"Caller", "CallerKey", "ConnectionState", "Getuid", "Geteuid", "LocalAddr", "Owner", "Peer", "PeerCertificates",
	"PeerKey", "PeerName", "RemoteAddr", "Returner", "Role", "VerifiedChains", "WithValue",
}

// checkIdentity: what a service does depends on which of its objects is called, and never on who calls. Its code reads
// no peer's identity, name or role, by whatever way: packages that know peers, what connections say of them, or values
// that somebody put into a context. So that nobody can put them there either, it is the same for contexts that it makes.
func checkIdentity(r *repo) []problem {
	var out []problem
	for _, f := range r.goFiles() {
		if !within(f.dir, "service") || f.test || f.generated {
			continue
		}
		wrong := func(n ast.Node, what string) {
			out = append(out, problem{f.path, r.line(n), "a service does not ask who calls: " + what})
		}
		for _, spec := range f.syntax.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			if dir, ok := r.local(path); ok {
				path = "./" + dir
			}
			for _, i := range identityImports {
				if within(path, i.path) && (i.except == "" || !within(f.dir, i.except)) {
					wrong(spec, "import of "+path)
				}
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			name := sel.Sel.Name
			for _, known := range identityNames {
				if name == known {
					wrong(call, name)
				}
			}
			// A getter of a field has no argument: with one it is a value from a context.
			if name == "Value" && len(call.Args) == 1 {
				wrong(call, "a value in a context")
			}
			return true
		})
	}
	return out
}
