package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A process is one side of a peer. It is talked to in lines: see package peer.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	limit interface{ SetReadDeadline(time.Time) error }
}

// patience is how long a process may take to answer.
const patience = 120 * time.Second

func start(ctx context.Context, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.limit, _ = out.(*os.File)
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p *process) say(line string) error {
	_, err := io.WriteString(p.in, line+"\n")
	return err
}

func (p *process) hear() (string, error) {
	p.limit.SetReadDeadline(time.Now().Add(patience))
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%v: %w after %q", p.cmd.Args, err, line)
	}
	return strings.TrimSpace(line), nil
}

// expect hears a line and returns what comes after its first word.
func (p *process) expect(word string) (string, error) {
	line, err := p.hear()
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(line, word)
	if !ok {
		return "", fmt.Errorf("%v: said %q, want %s", p.cmd.Args, line, word)
	}
	return strings.TrimSpace(rest), nil
}

// ask says something and reads the answer as JSON.
func (p *process) ask(line string, v any) error {
	if err := p.say(line); err != nil {
		return err
	}
	answer, err := p.hear()
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(answer), v); err != nil {
		return fmt.Errorf("%v: said %q: %w", p.cmd.Args, answer, err)
	}
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the input, with which the process ends, and waits for it.
func (p *process) stop() error {
	p.in.Close()
	timer := time.AfterFunc(10*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}
