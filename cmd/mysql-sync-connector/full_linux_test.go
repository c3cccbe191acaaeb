package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// roomVariable makes this program act as the connector, on a disk where no file may exceed that many bytes.
const roomVariable = "CONNECTOR_TEST_ROOM"

// init does not return if the program is to act as the connector.
func init() {
	room, err := strconv.ParseUint(os.Getenv(roomVariable), 10, 64)
	if err != nil {
		return
	}
	signal.Ignore(syscall.SIGXFSZ) // then writes fail as on a full disk
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: room, Max: unix.RLIM_INFINITY}); err != nil {
		panic(err)
	}
	main()
	os.Exit(0)
}

// The state's disk fills up while rows are read or answers are recorded. Nothing is lost; what had been sent is resent
// as the same events; the failed run is reported; and once there is room again, the connector carries on by itself.
func TestAFullDiskEndsOnlyARun(t *testing.T) {
	t.Parallel()
	for name, room := range map[string]uint64{"no room for rows": 400_000, "no room for answers": unix.RLIM_INFINITY} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.Schema(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(300))", "INSERT INTO a SELECT seq, REPEAT('x', 300) FROM "+series(3000))
			server, flow, slack := testkit.Shared(t), standin.NewSync("entities", "sk_1"), standin.NewSlack()
			t.Cleanup(flow.Close)
			t.Cleanup(slack.Close)
			file := write(t, "connector.json", map[string]any{
				"sources":      map[string]any{"shop": map[string]any{"type": "mysql", "host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": db.Name}},
				"destinations": map[string]any{"flow": map[string]any{"type": "openfn", "url": flow.URL, "auth": map[string]any{"apiKey": "sk_1"}}},
				"jobs":         map[string]any{"rows": map[string]any{"from": map[string]any{"source": "shop", "table": "a", "key": "id"}, "to": map[string]any{"destination": "flow", "batch": 50}}},
				"alerts":       map[string]any{"slack": slack.Webhook()},
			})
			pid := make(chan int, 1)
			flow.Fail(func(_ http.ResponseWriter, _ *http.Request, n int) bool {
				if n == 10 && room == unix.RLIM_INFINITY {
					if err := unix.Prlimit(<-pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: unix.RLIM_INFINITY}, nil); err != nil {
						t.Error(err)
					}
				}
				return false
			})
			c := exec.CommandContext(t.Context(), os.Args[0], "start", file)
			c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", roomVariable, room))
			var said bytes.Buffer
			c.Stdout, c.Stderr = &said, &said
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			pid <- c.Process.Pid
			defer func() {
				_ = c.Process.Signal(syscall.SIGTERM)
				_ = c.Wait()
				if t.Failed() {
					t.Log(said.String())
				}
			}()
			sees(t, "Slack is told", func() bool { return len(slack.Texts()) > 0 })
			if err := unix.Prlimit(c.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}, nil); err != nil {
				t.Fatal(err)
			}
			sees(t, "the run that an order begins to be done", func() bool {
				out, err := execute(t, "run", file, "rows")
				t.Logf("%v %s", err, out)
				return err == nil
			})
			if n := len(flow.Events()); n != 3000 {
				t.Errorf("got %d events, want 3000", n)
			}
			if texts := strings.Join(slack.Texts(), "\n"); (room == unix.RLIM_INFINITY) != strings.Contains(texts, "cannot be written") {
				t.Errorf("alerts: %q", texts)
			}
		})
	}
}
