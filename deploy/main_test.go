// Package deploy_test tests this folder: the image's files with the compose file's configurations,
// the units, the certificates, the packages' configuration, the dashboard and the alerts. Tests
// that need larger libraries are in the module check.
package deploy_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// release returns the program as released: static, without the race detector. Only its paths are those of this machine:
// other ones would have all packages compiled again.
var release = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs("../bin")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "test", "mysql-sync")
	build := exec.Command("go", "build", "-ldflags", "-s -w -X main.version=1.2.3", "-o", path, "./cmd/mysql-sync")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the daemon: %w\n%s", err, said)
	}
	return path, nil
})

// program returns the path of the program as released.
func program(t *testing.T) string {
	t.Helper()
	path, err := release()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns a file's text.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// write makes a file and the folders above it.
func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// run runs a program to its end and returns its output.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	said, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, said)
	}
	return string(said)
}

// documents returns the YAML documents of a file.
func documents(t *testing.T, path string) []map[string]any {
	t.Helper()
	var all []map[string]any
	d := yaml.NewDecoder(bytes.NewReader([]byte(read(t, path))))
	for {
		var one map[string]any
		if err := d.Decode(&one); err != nil {
			if len(all) == 0 || err.Error() != "EOF" {
				t.Fatalf("%s: %v", path, err)
			}
			return all
		}
		all = append(all, one)
	}
}

// at returns the value at a path of keys.
func at(t *testing.T, document map[string]any, keys ...string) any {
	t.Helper()
	var value any = document
	for _, key := range keys {
		block, ok := value.(map[string]any)
		if !ok || block[key] == nil {
			t.Fatalf("there is no %s", strings.Join(keys, "."))
		}
		value = block[key]
	}
	return value
}
