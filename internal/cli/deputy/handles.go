package deputy

import (
	"context"
	"io"
	"os"
)

// OpenDocument makes a document of a file, which somebody opened who could. The document owns it.
func OpenDocument(f *os.File) Document { return NewDocument(&document{file: f}) }

// OpenSheet makes a sheet of a file.
func OpenSheet(f *os.File) Sheet { return NewSheet(&sheet{file: f}) }

type document struct {
	UnimplementedDocument
	file *os.File
}

// Read implements [DocumentServer].
func (d *document) Read(_ context.Context, call DocumentReadCall) error {
	text, err := io.ReadAll(io.NewSectionReader(d.file, 0, 1<<20))
	if err != nil {
		return errFile
	}
	call.Results().SetText(string(text))
	return nil
}

// Released implements [capnp.Releaser].
func (d *document) Released() { d.file.Close() }

type sheet struct {
	UnimplementedSheet
	file *os.File
}

// Write implements [SheetServer].
func (s *sheet) Write(_ context.Context, call SheetWriteCall) error {
	err := s.file.Truncate(0)
	if err == nil {
		_, err = s.file.WriteAt([]byte(call.Params().Text()), 0)
	}
	if err != nil {
		return errFile
	}
	return nil
}

// Released implements [capnp.Releaser].
func (s *sheet) Released() { s.file.Close() }
