package testkit_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// endOfTheWorld is the helper process of TestServersDieWithTheirProcess: it starts servers, prints
// their addresses, and ends as asked.
func endOfTheWorld(how string) {
	err := testkit.Run(func(string, ...any) {}, func(tb testkit.TB) {
		d := testkit.Server(tb)
		b := testkit.Mosquitto(tb, testkit.MosquittoOptions{})
		fmt.Println(d.Addr(), b.Addr())
		switch how {
		case "return":
		case "fatal":
			tb.Fatalf("as asked")
		case "panic":
			panic("as asked")
		case "panic elsewhere":
			go panic("as asked")
			select {}
		case "exit":
			os.Exit(7)
		case "kill":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		os.Exit(8)
	}
	os.Exit(0)
}

func TestServersDieWithTheirProcess(t *testing.T) {
	for _, how := range []string{"return", "fatal", "panic", "panic elsewhere", "exit", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			helper := exec.Command(os.Args[0])
			helper.Env = append(os.Environ(), "TESTKIT_WORLD="+how, "TMPDIR="+t.TempDir())
			said, err := helper.Output()
			if (err == nil) != (how == "return") {
				t.Errorf("the helper's end: %v", err)
			}
			addresses := strings.Fields(string(said))
			if len(addresses) != 2 {
				t.Fatalf("the helper said %q, want two addresses", said)
			}
			for _, address := range addresses {
				testkit.Eventually(t, "the end of the server at "+address, func() error {
					return refused(address)
				})
			}
		})
	}
}
