package docs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The Python peer on the protocol page talks to a real node: rows and deletes go both ways, and
// those written while the node was away arrive later.
func TestPeerInPython(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	berlin := testkit.NewSite(t, testkit.Shared(t), broker, "berlin", []string{"gateway"}, []string{"orders"}, nil)
	berlin.Exec("CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(40), price DECIMAL(9,2))")
	berlin.Start()
	p := startPeer(t, "gateway", "berlin", broker.Host, strconv.Itoa(broker.Port), filepath.Join(t.TempDir(), "rows.sqlite"))
	berlin.Node.WaitLog("client online.*gateway")

	berlin.Exec("INSERT INTO orders VALUES (1, 'Grüße', 1.50)")
	p.says(`orders 1 `, map[string]any{"id": "1", "item": "Grüße", "price": "1.50"})
	berlin.Exec("DELETE FROM orders WHERE id = 1")
	p.says(`orders 1 `, nil)

	const rows = "SELECT item, price FROM orders ORDER BY id"
	p.send(`orders 7 {"id": "7", "item": "nut", "price": "0.10"}`)
	berlin.Expect(rows, `"nut"|"0.10"`)
	p.send(`orders 7 {"item": "bolt"}`)
	berlin.Expect(rows, `"bolt"|"0.10"`)

	berlin.Stop()
	p.send(`orders 8 {"id": "8", "item": "late"}`)
	berlin.Start()
	berlin.Expect(rows, `"bolt"|"0.10"`, `"late"|NULL`)
	p.send(`orders 7 null`)
	p.send(`orders 8 null`)
	berlin.Expect(rows)
}

// pythonPeer is the running program.
type pythonPeer struct {
	t  *testing.T
	in io.Writer

	mu    sync.Mutex
	lines []string
}

// python returns a Python with paho: the first one in the PATH need not be the system's.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import paho.mqtt.client, sqlite3").Run() == nil {
			return name
		}
	}
	t.Fatal("no Python with paho found: scripts/install-deps.sh paho installs it")
	return ""
}

func startPeer(t *testing.T, args ...string) *pythonPeer {
	t.Helper()
	cmd := exec.Command(python(t), append([]string{"peer.py"}, args...)...)
	cmd.Env = append(cmd.Environ(), "PYTHONIOENCODING=utf-8")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &pythonPeer{t: t, in: in}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait() // it was killed
	})
	return p
}

func (p *pythonPeer) send(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// says waits until the peer's next line is about a row and has an entity.
func (p *pythonPeer) says(row string, entity map[string]any) {
	p.t.Helper()
	testkit.Eventually(p.t, "the peer to have "+row, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.lines) == 0 {
			return fmt.Errorf("the peer has printed nothing")
		}
		text, ok := strings.CutPrefix(p.lines[0], row)
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); !ok || err != nil || !reflect.DeepEqual(got, entity) {
			return fmt.Errorf("the peer printed %q", p.lines[0])
		}
		p.lines = p.lines[1:]
		return nil
	})
}
