package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// compile lets every compiler compile the standard schemas, several times, each
// time in a new process as users do.
func (m *measurer) compile(ctx context.Context, round int, j job) error {
	here, err := moduleFolder(ctx)
	if err != nil {
		return err
	}
	files, err := standardSchemas(filepath.Join(filepath.Dir(here), "capnp", "schemas", "capnp"))
	if err != nil {
		return err
	}
	runs := max(3, int(m.o.span*80))
	for i := range m.peers {
		p := m.peers[(i+round)%len(m.peers)]
		if p.compiler == nil {
			continue
		}
		progress("round %d of %d: %s, %s", round+1, m.o.rounds, j.name, p.name)
		if p.library == "" {
			p.library = p.name
		}
		s := &sample{Round: round + 1, Job: j.name, Peer: p.name, Calls: runs}
		s.Client.Mallocs = -1
		for n := range runs + 1 {
			cmd := exec.CommandContext(ctx, p.compiler[0], append(p.compiler[1:len(p.compiler):len(p.compiler)], files...)...)
			var said strings.Builder
			cmd.Stderr = &said
			if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
				defer null.Close()
				cmd.Stdout = null
			}
			start := time.Now()
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%v: %w: %s", cmd.Args, err, said.String())
			}
			if n > 0 { // the first only warms up
				s.Seconds += time.Since(start).Seconds()
				s.Client.CPU += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			}
		}
		m.samples = append(m.samples, s)
	}
	return nil
}

func standardSchemas(folder string) (files []string, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".capnp" {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no schemas", folder)
	}
	return files, err
}
