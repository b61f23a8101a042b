package deputy

import "context"

// PathDaemon prints what it is told by paths. Before it opens a file it asks the list whether it may:
// it is the one who opens.
type PathDaemon struct {
	UnimplementedPathPrinter
	List *AccessList
	Log  string // the path of its log
}

// Print implements [PathPrinterServer].
func (d *PathDaemon) Print(_ context.Context, call PathPrinterPrintCall) error {
	from, to := call.Params().From(), call.Params().To()
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
