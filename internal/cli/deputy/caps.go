package deputy

import (
	"context"
	"fmt"
	"io"
)

// Daemon prints what it is given, onto what it is given. It has its log as it has its hands.
type Daemon struct {
	UnimplementedPrinter
	Log io.Writer
}

// Print implements [PrinterServer].
func (d *Daemon) Print(ctx context.Context, call PrinterPrintCall) error {
	from, to := call.Params().From(), call.Params().To()
	defer from.Release()
	defer to.Release()
	text, err := from.Read(ctx, nil).Wait()
	if err != nil {
		return err
	}
	numbered, lines := number(text.Text())
	if _, err := fmt.Fprintf(d.Log, "printed %d lines\n", lines); err != nil {
		return errFile
	}
	if _, err := to.Write(ctx, func(p SheetWriteParamsBuilder) { p.SetText(numbered) }).Wait(); err != nil {
		return err
	}
	call.Results().SetLines(lines)
	return nil
}
