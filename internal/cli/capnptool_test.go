package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schema"
)

const pointSchema = `@0xc1b9d0e3a5f70812;
using Go = import "/go.capnp";
$Go.package("point");
$Go.import("example.com/point");
struct Point { x @0 :Float64; y @1 :Float64; }
`

// capnpIn runs the tool by the name capnp in a folder with point.capnp.
func capnpIn(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	if err := os.WriteFile("point.capnp", []byte(pointSchema), 0o666); err != nil {
		t.Fatal(err)
	}
	var out, msg bytes.Buffer
	status = Main(append([]string{"/usr/bin/capnp"}, args...), strings.NewReader(""), &out, &msg)
	return status, out.String(), msg.String()
}

func TestCapnpSays(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		args           string
		status         int
		stdout, stderr string // regular expressions
	}{
		{"--version", 0, `^Cap'n Proto version \d+\.\d+\.\d+ \(lanyard\)\n$`, `^$`},
		{"id", 0, `^@0x[89a-f][0-9a-f]{15}\n$`, `^$`},
		{"id extra", 1, `^$`, `extra: too many arguments`},
		{"help", 0, `compile  Generate source code`, `^$`},
		{"help compile", 0, `--src-prefix=PREFIX`, `^$`},
		{"compile --help", 0, `--src-prefix=PREFIX`, `^$`},
		{"", 1, `^$`, `missing command\nTry '/usr/bin/capnp --help'`},
		{"sing", 1, `^$`, `sing: unknown command`},
		{"eval point.capnp x", 1, `^$`, `eval is not part of this implementation yet`},
		{"compile -o-", 1, `^$`, `^/usr/bin/capnp compile: missing argument <source>\nTry '/usr/bin/capnp compile --help'`},
		{"compile point.capnp", 1, `^$`, `no outputs specified`},
		{"compile -o- none.capnp", 1, `^$`, `compile none.capnp: no such file`},
		{"compile -o- --frobnicate point.capnp", 1, `^$`, `--frobnicate: unrecognized option`},
		{"compile -o- --verbose=1 point.capnp", 1, `^$`, `--verbose: option does not accept an argument`},
		{"compile point.capnp -o", 1, `^$`, `-o: missing argument`},
		{"compile -I nowhere -o- point.capnp", 1, `^$`, `-I nowhere: no such directory`},
		{"compile -ogo:nowhere point.capnp", 1, `^$`, `output location is inaccessible or is not a directory`},
		{"compile -o- --no-standard-import point.capnp", 1, `^$`, `^point.capnp:2:19-30: error: Import failed: /go.capnp\n`},
		{"compile -ocobol point.capnp", 1, `^$`, `^cobol: no such plugin \(executable should be 'capnpc-cobol'\)\n$`},
	} {
		status, stdout, stderr := capnpIn(t, strings.Fields(tt.args)...)
		if status != tt.status || !regexp.MustCompile(tt.stdout).MatchString(stdout) || !regexp.MustCompile(tt.stderr).MatchString(stderr) {
			t.Errorf("capnp %s: status %d, stdout %q, stderr %q; want %d, %q, %q",
				tt.args, status, stdout, stderr, tt.status, tt.stdout, tt.stderr)
		}
	}
}

func TestCapnpWritesTheRequest(t *testing.T) {
	t.Chdir(t.TempDir())
	status, stdout, stderr := capnpIn(t, "compile", "--output=-", "--", "point.capnp")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	m, rest, err := frame.Unmarshal([]byte(stdout), nil)
	if err != nil || len(rest) > 0 {
		t.Fatalf("read the request: %v, %d bytes left", err, len(rest))
	}
	req := capnp.Root[schema.CodeGeneratorRequest](m)
	if f := req.RequestedFiles(); f.Len() != 1 || f.At(0).Filename() != "point.capnp" || f.At(0).Imports().Len() != 1 {
		t.Errorf("requested files are wrong")
	}
}

func TestCapnpGeneratesGo(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"a", "b"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	status, _, stderr := capnpIn(t, "compile", "-o", "go:a", "-ogo:b", "point.capnp")
	if status != 0 {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	for _, dir := range []string{"a", "b"} {
		src, err := os.ReadFile(filepath.Join(dir, "point.capnp.go"))
		if err != nil || !strings.Contains(string(src), "package point") {
			t.Errorf("%s: %v, %.80q", dir, err, src)
		}
	}
}

func TestCapnpcIsCompile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("point.capnp", []byte(pointSchema), 0o666); err != nil {
		t.Fatal(err)
	}
	var out, msg bytes.Buffer
	if status := Main([]string{"capnpc", "-ogo", "point.capnp"}, nil, &out, &msg); status != 0 {
		t.Fatalf("status %d, stderr %q", status, msg.String())
	}
	if _, err := os.Stat("point.capnp.go"); err != nil {
		t.Error(err)
	}
	if status := Main([]string{"capnpc", "-i"}, nil, &out, &msg); status != 0 || !strings.HasPrefix(out.String(), "@0x") {
		t.Errorf("capnpc -i: status %d, stdout %q", status, out.String())
	}
}

// plugin puts a shell script named capnpc-NAME on the path.
func plugin(t *testing.T, name, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the plugin is a shell script")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "capnpc-"+name), []byte("#!/bin/sh\n"+script), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestCapnpRunsPluginsInTheirFolder(t *testing.T) {
	plugin(t, "save", "cat > request; echo $PWD > where; echo said; echo complained >&2")
	t.Chdir(t.TempDir())
	if err := os.Mkdir("out", 0o777); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := capnpIn(t, "compile", "-osave:out", "point.capnp")
	if status != 0 || stdout != "said\n" || stderr != "complained\n" {
		t.Fatalf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	_, want, _ := capnpIn(t, "compile", "-o-", "point.capnp")
	got, err := os.ReadFile("out/request")
	if err != nil || string(got) != want {
		t.Errorf("the plugin got %d bytes, %v; -o- gives %d", len(got), err, len(want))
	}
	where, _ := os.ReadFile("out/where")
	if abs, _ := filepath.Abs("out"); string(where) != abs+"\n" {
		t.Errorf("the plugin ran in %q, want %q", where, abs)
	}
}

func TestCapnpTellsHowPluginsFail(t *testing.T) {
	plugin(t, "three", "exit 3")
	plugin(t, "deaf", "exec 0<&-; exit 0")
	plugin(t, "killed", "kill -9 $$")
	t.Chdir(t.TempDir())
	for name, want := range map[string]string{
		"three":  "three: plugin failed: exit code 3\n",
		"killed": "killed: plugin failed: killed\n",
		"deaf":   "",
	} {
		status, _, stderr := capnpIn(t, "compile", "-o"+name, "point.capnp")
		if wantStatus := min(len(want), 1); stderr != want || status != wantStatus {
			t.Errorf("%s: status %d, stderr %q; want %d, %q", name, status, stderr, wantStatus, want)
		}
	}
}

func TestCapnpPluginByPath(t *testing.T) {
	t.Chdir(t.TempDir())
	if runtime.GOOS == "windows" {
		t.Skip("the plugin is a shell script")
	}
	if err := os.WriteFile("gen.sh", []byte("#!/bin/sh\ncat > /dev/null\necho here\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("out", 0o777); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := capnpIn(t, "compile", "-o./gen.sh:out", "point.capnp")
	if status != 0 || stdout != "here\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

// TestCapnpPlugsIntoUpstream lets a plugin of the C++ implementation read our
// request.
func TestCapnpPlugsIntoUpstream(t *testing.T) {
	if os.Getenv("LANYARD_INTEROP") == "off" {
		t.Skip("LANYARD_INTEROP=off")
	}
	if _, err := exec.LookPath("capnpc-capnp"); err != nil {
		if os.Getenv("LANYARD_INTEROP") == "require" {
			t.Fatalf("LANYARD_INTEROP=require: %v", err)
		}
		t.Skipf("peer missing: %v", err)
	}
	t.Chdir(t.TempDir())
	status, stdout, stderr := capnpIn(t, "compile", "-ocapnp", "point.capnp")
	if want := "struct Point"; status != 0 || !strings.Contains(stdout, want) {
		t.Errorf("status %d, stdout %q, stderr %q; want %q in it", status, stdout, stderr, want)
	}
}

func TestParseOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		"go":                "go in ",
		"-":                 "- in ",
		"go:.":              "go in .",
		"c:/gen.exe:" + dir: "c:/gen.exe in " + dir,
		"./x/gen:" + dir:    "./x/gen in " + dir,
		"go:nowhere":        "error: output location is inaccessible or is not a directory",
		":.":                "error: no language",
		"c:/nowhere/at/all": "error: output location is inaccessible or is not a directory",
	} {
		o, err := parseOutput(spec)
		got := fmt.Sprintf("%s in %s", o.lang, o.dir)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("parseOutput(%q): got %q, want %q", spec, got, want)
		}
	}
}
