package testkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

var clockDaemon, clockConnector = withClock("mysql-sync"), withClock("mysql-sync-connector")

// withClock builds a program once, with a time.Now that reads a clock's file.
func withClock(program string) func() (string, error) {
	return sync.OnceValues(func() (string, error) { return buildWithClock(program) })
}

// time.Now adds the clock to the machine's. Only the body of a function differs, so all else that the package tells others stays as it
// is, and these need not be compiled anew, which takes minutes. Hence the seconds are where UTC has a number that it does not use.
const (
	readsClock = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n"
	addsToIt   = "\tsec, nsec, mono := runtimeNow(); sec += utcLoc.cacheStart\n\tif mono == 0 {\n"
)

// clockSource is added to the program; it reads the clock's file ten times a second.
const clockSource = `package main

import (
	"os"
	"strconv"
	"strings"
	"time"
	_ "unsafe"
)

//go:linkname utc time.utcLoc
var utc struct {
	name   string
	lists  [2][]byte
	extend string
	ahead  int64
}

func init() {
	follow := func() {
		text, err := os.ReadFile(os.Getenv("` + fileVariable + `"))
		if err != nil {
			return
		}
		if ahead, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			utc.ahead = ahead
		}
	}
	follow()
	go func() {
		for {
			time.Sleep(100 * time.Millisecond)
			follow()
		}
	}()
}
`

// listed is what go list tells of a package.
type listed struct {
	ImportPath, Export, Dir string
	GoFiles, Imports        []string
}

// buildWithClock compiles the package time and the program's own package, and links them with all others as they are.
func buildWithClock(program string) (string, error) {
	dir, err := makeFolder("")
	if err != nil {
		return "", err
	}
	process.Cleanup(func() { _ = os.RemoveAll(dir) })
	packages, err := listWithClock(program, dir)
	if err != nil {
		return "", err
	}
	clock := filepath.Join(dir, "time.a")
	at := slices.IndexFunc(packages, func(p listed) bool { return p.ImportPath == "time" })
	if err := compileTime(packages, packages[at], dir, clock); err != nil {
		return "", err
	}
	packages[at].Export = clock
	configuration, err := importConfiguration(dir, "link", packages)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, program)
	last := packages[len(packages)-1] // the program's own: it depends on all others
	return path, goTool("link", "-s", "-w", "-checklinkname=0", "-o", path, "-importcfg", configuration, last.Export)
}

// listWithClock compiles a program to which clockSource was added, and tells of all its packages.
func listWithClock(program, dir string) ([]listed, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	added, overlay := filepath.Join(dir, "clock.go"), filepath.Join(dir, "overlay.json")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "cmd", program, "testkit_clock.go"): added}})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(added, []byte(clockSource), 0o600), os.WriteFile(overlay, replaced, 0o600)); err != nil {
		return nil, fmt.Errorf("add a clock to %s: %w", program, err)
	}
	command := exec.Command("go", "list", "-export", "-deps", "-overlay", overlay, "-json=ImportPath,Export,Dir,GoFiles,Imports", "./cmd/"+program)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	said, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", program, err)
	}
	var packages []listed
	for all := json.NewDecoder(bytes.NewReader(said)); ; {
		var one listed
		if err := all.Decode(&one); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		packages = append(packages, one)
	}
}

// compileTime compiles the package time with a time.Now that adds the clock.
func compileTime(packages []listed, library listed, dir, path string) error {
	text, err := os.ReadFile(filepath.Join(library.Dir, "time.go"))
	if err != nil {
		return fmt.Errorf("find the sources of Go: %w", err)
	}
	if n := strings.Count(string(text), readsClock); n != 1 {
		return fmt.Errorf("find where time.Now reads the clock: %d places", n)
	}
	changed := filepath.Join(dir, "time.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), readsClock, addsToIt, 1)), 0o600); err != nil {
		return fmt.Errorf("write another package time: %w", err)
	}
	configuration, err := importConfiguration(dir, "compile",
		slices.DeleteFunc(slices.Clone(packages), func(p listed) bool { return !slices.Contains(library.Imports, p.ImportPath) }))
	if err != nil {
		return err
	}
	// A package tells others the names of its files, so this one gets that of the library.
	args := []string{"compile", "-p", "time", "-std", "-pack", "-o", path, "-importcfg", configuration, "-trimpath", dir + "=>$GOROOT/src/time"}
	for _, file := range library.GoFiles {
		if file == "time.go" {
			args = append(args, changed)
		} else {
			args = append(args, filepath.Join(library.Dir, file))
		}
	}
	return goTool(args...)
}

// importConfiguration writes the file that tells a compiler or linker where packages are.
func importConfiguration(dir, name string, packages []listed) (string, error) {
	var text strings.Builder
	for _, p := range packages {
		if p.Export != "" { // the package unsafe has none
			fmt.Fprintf(&text, "packagefile %s=%s\n", p.ImportPath, p.Export)
		}
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}

func goTool(args ...string) error {
	if said, err := exec.Command("go", append([]string{"tool"}, args...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("go tool %s: %w\n%s", args[0], err, said)
	}
	return nil
}
