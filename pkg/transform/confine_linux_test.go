package transform

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tryConfined is the argument with which the test's program confines itself, tries what it
// may no longer do, and prints what succeeded.
const tryConfined = "try-confined"

func init() {
	if len(os.Args) != 3 || os.Args[1] != tryConfined {
		return
	}
	_ = time.Now().Local().String()
	if err := confine(64 << 20); err != nil {
		fmt.Println("confine:", err)
	}
	for name, try := range map[string]func() error{
		"read a file":    func() error { _, err := os.ReadFile(os.Args[2]); return err },
		"write a file":   func() error { return os.WriteFile(os.Args[2]+".new", []byte("x"), 0o600) },
		"connect":        func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return blocked(err) },
		"listen":         func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
		"start":          func() error { return exec.Command("/proc/self/exe", "-test.run=^$").Run() },
		"end another":    func() error { return syscall.Kill(os.Getppid(), 0) },
		"lift its limit": func() error { return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 1, Max: 1}) },
	} {
		if try() == nil {
			fmt.Println("it could", name)
		}
	}
	fmt.Println("tried")
	os.Exit(0)
}

// blocked returns nil if a connection was attempted: nobody listens there.
func blocked(err error) error {
	if err != nil && strings.Contains(err.Error(), "refused") {
		return nil
	}
	return err
}

func TestConfinedProcessReachesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, "x")
	out, err := exec.Command("/proc/self/exe", tryConfined, path).CombinedOutput()
	if err != nil || string(out) != "tried\n" {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("a file was written")
	}
}

func TestProcessOfScriptsIsConfined(t *testing.T) {
	t.Setenv("MYSQL_SYNC_SECRET", "hunter2")
	tr := world{where: apart}.orders(t, body("return context.entity;"))
	if _, err := tr.Apply(t.Context(), call()); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid(tr), name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if environment := read("environ"); strings.Contains(environment, "hunter2") || strings.Contains(environment, "PATH=") {
		t.Errorf("it sees %q in the environment", environment)
	}
	for _, line := range []string{"Seccomp:\t2\n", "NoNewPrivs:\t1\n"} {
		if status := read("status"); !strings.Contains(status, line) {
			t.Errorf("its status lacks %q:\n%s", line, status)
		}
	}
	if limits := read("limits"); strings.Contains(limits, "Max data size             unlimited") {
		t.Errorf("its memory is unlimited:\n%s", limits)
	}
}
