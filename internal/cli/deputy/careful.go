package deputy

import "context"

// CarefulDaemon is a PathDaemon that asks the list about its client, too.
type CarefulDaemon struct {
	UnimplementedPathPrinter
	List   *AccessList
	Log    string
	Client string // who is at the other end of the connection
}

// Print implements [PathPrinterServer].
func (d *CarefulDaemon) Print(_ context.Context, call PathPrinterPrintCall) error {
	from, to := call.Params().From(), call.Params().To()
	if !d.List.Allows(d.Client, "read", from) {
		return denied(d.Client, "read")
	}
	if !d.List.Allows(d.Client, "write", to) {
		return denied(d.Client, "write")
	}
	if !d.List.Allows("daemon", "read", from) {
		return denied("daemon", "read")
	}
	if !d.List.Allows("daemon", "write", to) {
		return denied("daemon", "write")
	}
	if !d.List.Allows("daemon", "write", d.Log) {
		return denied("daemon", "write")
	}
	return printPaths(call, from, to, d.Log)
}
