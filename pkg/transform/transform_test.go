package transform

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// queryFunc is a Querier.
type queryFunc func(ctx context.Context, sql string) ([]value.Entity, error)

func (f queryFunc) Query(ctx context.Context, _, sql string) ([]value.Entity, error) {
	return f(ctx, sql)
}

// publishFunc is a Publisher.
type publishFunc func(ctx context.Context, topic string, message []byte, qos byte, retain bool) error

func (f publishFunc) Publish(ctx context.Context, topic string, message []byte, qos byte, retain bool) error {
	return f(ctx, topic, message, qos, retain)
}

// directory returns a new directory with files, text by name.
func directory(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// everyProcess makes all tests that can run their scripts in processes of their own.
var everyProcess = flag.Bool("process", false, "run scripts in processes of their own")

func TestMain(m *testing.M) {
	Main() // returns, unless it is the process of a test's scripts
	os.Exit(m.Run())
}

// where says in which process scripts run.
type where int

const (
	anywhere where = iota // as the flag says
	here                  // in the test's
	apart                 // in their own
)

// world is what a test's Transformers see.
type world struct {
	log       *zap.Logger
	querier   Querier
	publisher Publisher
	config    Config
	where     where
}

// orders returns Transformers whose table orders has a script. Unless the limit of a call is given, it is so long that only
// failures reach it: a busy machine may need more than the usual one.
func (w world) orders(t testing.TB, script string) *Transformers {
	t.Helper()
	if w.log == nil {
		w.log = zap.NewNop()
	}
	if w.config.TimeLimit == 0 {
		w.config.TimeLimit = longestTimeLimit
	}
	w.config.Directory = directory(t, map[string]string{"orders.js": script})
	tr := New(w.log, w.querier, w.publisher, w.config)
	if w.where == here || w.where == anywhere && !*everyProcess {
		tr.program = ""
	}
	t.Cleanup(tr.Close)
	if err := tr.Load([]string{"orders"}); err != nil {
		t.Fatal(err)
	}
	return tr
}

// engine returns the engine of the table's file, which runs in this process.
func (t *Transformers) engine(table string) *engine {
	l := t.loaded.Load()
	return l.runner.(*local).engine(script{file: l.files[table]})
}

// body returns a script with the given body.
func body(lines string) string {
	return "module.exports = async function (context) {\n" + lines + "\n};\n"
}

// call is a row of table orders.
func call(fields ...value.Field) Call {
	return Call{Table: "orders", ID: "7", Source: "here", Target: "there", Entity: fields}
}

// apply applies script to a row with fields.
func apply(t *testing.T, script string, fields ...value.Field) (value.Entity, error) {
	t.Helper()
	return world{}.orders(t, script).Apply(t.Context(), call(fields...))
}

func wantEntity(t *testing.T, got value.Entity, err error, want ...value.Field) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual([]value.Field(got), want) {
		t.Fatalf("got %#v, want %#v", got, want)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Fatalf("error %q lacks %q", err, part)
		}
	}
}

// resolved resolves a conflict once its script is ready.
func resolved(t *testing.T, tr *Transformers, c Conflict) (e value.Entity, err error) {
	t.Helper()
	for e, err = tr.Resolve(t.Context(), c); Transient(err) && t.Context().Err() == nil; e, err = tr.Resolve(t.Context(), c) {
		runtime.Gosched()
	}
	return e, err
}

func TestScriptsNeedNoDirectory(t *testing.T) {
	t.Parallel()
	files := Files{".main.js": []byte("const f = require('./lib/f')\nmodule.exports = c => f(c.entity)"), "lib/f.js": []byte("module.exports = e => ({...e, n: e.n + 1})")}
	tr := New(zap.NewNop(), nil, nil, Config{Files: files})
	t.Cleanup(tr.Close)
	if err := tr.LoadFiles(map[string]string{"t": ".main.js"}); err != nil {
		t.Fatal(err)
	}
	e, err := tr.Apply(t.Context(), Call{Table: "t", Entity: value.Entity{{Name: "n", Value: int64(1)}}})
	if n, _ := e.Value("n"); err != nil || n != int64(2) {
		t.Errorf("%v, %v", e, err)
	}
}
