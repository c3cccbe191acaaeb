package testkit

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// portVariable makes a process of this package's tests the helper of TestEachPortBelongsToOneProcess, which ends with 0
// if it could reserve the port, and else with 3.
const portVariable = "TESTKIT_PORT"

func TestEachPortBelongsToOneProcess(t *testing.T) {
	if text := os.Getenv(portVariable); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := reserve(port)
		if err != nil {
			t.Fatal(err)
		}
		if !ours {
			os.Exit(3)
		}
		os.Exit(0)
	}
	helper := func(port int) int {
		t.Helper()
		c := exec.Command(os.Args[0], "-test.run", "^TestEachPortBelongsToOneProcess$")
		c.Env = append(os.Environ(), portVariable+"="+strconv.Itoa(port))
		said, err := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code == 0 || code == 3 {
			return code
		}
		t.Fatalf("the helper: %v\n%s", err, said)
		return 0
	}
	port := FreePort(t)
	if code := helper(port); code != 3 {
		t.Errorf("another process got port %d too", port)
	}
	// The helper's own lock ended with it. No server ever gets this port.
	const free = 9999
	for range 2 {
		if code := helper(free); code != 0 {
			t.Errorf("port %d was not released", free)
		}
	}
}
