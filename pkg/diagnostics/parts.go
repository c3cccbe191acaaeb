package diagnostics

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// errorsMost is how many refused rows are told.
const errorsMost = 1000

// parts returns the files of the ZIP.
func (n *Node) parts(shown []byte) []part {
	return []part{
		{"configuration.txt", "the configuration file with its overrides, without secrets and unknown keys", func(_ context.Context, w io.Writer) error {
			_, err := w.Write(shown)
			return err
		}},
		{"version.txt", "version, build, system", n.version},
		{"status.json", "what mysql-sync status shows", n.status},
		{"errors.json", "refused rows, without keys and values", n.errors},
		{"log.jsonl", "the last lines of the log", n.log},
		{"metrics.txt", "the Prometheus metrics", n.metrics},
		{"goroutines.txt", "what each goroutine of the program does", n.goroutines},
		{"tables.txt", "sizes and definitions of the tables in the configuration, and of the node's own", n.inDatabase(tables)},
		{"triggers.txt", "triggers of these tables; only the node's own with their text", n.inDatabase(triggers)},
		{"variables.txt", "variables and rights that matter, at the database server", n.inDatabase(variables)},
	}
}

func (n *Node) version(_ context.Context, w io.Writer) error {
	fmt.Fprintf(w, "mysql-sync %s\n%s %s/%s, %d CPUs\n", n.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			fmt.Fprintf(w, "%s=%s\n", s.Key, s.Value)
		}
	}
	return nil
}

func (n *Node) status(ctx context.Context, w io.Writer) error {
	if n.State == nil {
		return errStopped
	}
	s, err := n.State.State(ctx)
	if err != nil {
		return err
	}
	x := *s // it may be shared
	x.Problems = nil
	for _, p := range s.Problems {
		x.Problems = append(x.Problems, withoutValues(p))
	}
	x.Transformers = nil
	for _, t := range s.Transformers {
		t.Last, t.LastRow = withoutValues(t.Last), ""
		x.Transformers = append(x.Transformers, t)
	}
	x.Verified = nil
	for _, c := range s.Verified {
		c.Differ, c.Error = nil, withoutValues(c.Error)
		x.Verified = append(x.Verified, c)
	}
	return indented(w, x)
}

// Refused is a refused row, without what is in it.
type Refused struct {
	Remote   string    `json:"remote"`
	Table    string    `json:"table"`
	Message  string    `json:"message"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
	Waits    bool      `json:"waits,omitempty"`
}

func (n *Node) errors(ctx context.Context, w io.Writer) error {
	if n.Errors == nil {
		return errStopped
	}
	list, err := n.Errors(ctx, status.Rows{}, errorsMost)
	if err != nil {
		return err
	}
	refused := []Refused{}
	for _, r := range list {
		refused = append(refused, Refused{r.Remote, r.Table, withoutValues(r.Message), r.Attempts, r.At, r.Waits})
	}
	return indented(w, refused)
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (n *Node) log(_ context.Context, w io.Writer) error {
	if !n.Running {
		return fmt.Errorf("%w; look at standard error of the service, such as in journalctl -u mysql-sync", errStopped)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, l := range n.Lines {
		var fields any
		if len(l.Fields) > 0 && json.Unmarshal(l.Fields, &fields) == nil {
			l.Fields, _ = json.Marshal(withoutValuesIn(fields)) // it was JSON
		}
		l.Message = withoutValues(l.Message)
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) metrics(ctx context.Context, w io.Writer) error {
	if n.Metrics == nil {
		return errStopped
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return err
	}
	n.Metrics.ServeHTTP(answer{w, http.Header{}}, r)
	return nil
}

// answer is an HTTP answer that is written elsewhere.
type answer struct {
	io.Writer
	header http.Header
}

// Header returns headers that nobody reads.
func (a answer) Header() http.Header { return a.header }

// WriteHeader does nothing.
func (a answer) WriteHeader(int) {}

func (n *Node) goroutines(_ context.Context, w io.Writer) error {
	if !n.Running {
		return errStopped
	}
	return pprof.Lookup("goroutine").WriteTo(w, 1)
}
