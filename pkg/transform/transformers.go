package transform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dlclark/regexp2/v2"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// longestTimeLimit bounds Config.TimeLimit. A backtracking regular expression cannot be interrupted; it can only be
// given a timeout when it is compiled, and after a timeout it counts as not matched. So that timeout must never be
// shorter than a call's limit, which then stops the script before it can use the wrong answer.
const longestTimeLimit = time.Minute

func init() {
	regexp2.DefaultMatchTimeout = longestTimeLimit
}

// Later marks an error of a Querier or a Publisher that is not the script's fault: the database or the broker is
// unavailable. A row that fails because of it must be retried.
func Later(err error) error {
	if err == nil {
		return nil
	}
	return laterError{err}
}

type laterError struct{ error }

func (e laterError) Unwrap() error { return e.error }

// Querier runs a statement for the query function of a file's script. The text is complete: it contains the values,
// escaped for a session without NO_BACKSLASH_ESCAPES. It is called concurrently and returns soon after ctx has ended. A
// statement without a result set returns no rows.
type Querier interface {
	Query(ctx context.Context, file, sql string) ([]value.Entity, error)
}

// Publisher sends a message for a script's mqtt.publish function. It is called
// concurrently and returns soon after ctx has ended.
type Publisher interface {
	Publish(ctx context.Context, topic string, message []byte, qos byte, retain bool) error
}

// Config says where the scripts are and what a call may take. A zero field
// means its default.
type Config struct {
	Directory   string        // of the scripts; "" is none
	Files       Files         // the scripts themselves; they take the place of Directory
	Led         Files         // scripts that the node's hub gives it: a table that has none otherwise gets its own of these
	TimeLimit   time.Duration // of one call, waiting included; default 5 s, at most 1 min
	LoadLimit   time.Duration // of loading all files: none is begun after it; default 1 min
	MemoryLimit int64         // bytes by which the heap may grow during one call; default 256 MiB
	Runtimes    int           // how many calls of one file run at a time; default GOMAXPROCS
	MaxRow      int           // bytes of the largest row that a script may make from a smaller one; default unlimited
	Strict      bool          // a rejected promise that nothing handles is the call's error, not only a warning
	// Redact removes secrets from what scripts throw and log, whose end may be missing; nil: there are none.
	Redact func(text string) string

	apart bool // this is the scripts' process
}

// Files are scripts, and what they require, by slash-separated path.
type Files = map[string][]byte

// Transformers are the scripts of all tables. Their methods may be called concurrently, except that Load comes first
// and Reload never runs twice at once.
type Transformers struct {
	log       *zap.Logger
	querier   Querier
	publisher Publisher
	config    Config
	program   string // that runs the scripts; empty: this one
	tables    []string
	named     map[string]string       // files by table; nil: files are named after tables
	loaded    atomic.Pointer[fileSet] // Reload replaces it as a whole
	counts    counts
}

// fileSet is the result of one Load or Reload.
type fileSet struct {
	runner  runner              // nil: there are no files
	files   map[string]string   // of the tables that have one
	exports map[string]exports  // by file
	unused  []string            // files that belong to no table
	shared  map[string][]string // files of several tables, with their tables
}

// file returns a table's file if it has the wanted function, or "".
func (l *fileSet) file(table string, resolver bool) string {
	file := l.files[table]
	if x := l.exports[file]; resolver && !x.resolve || !resolver && !x.main {
		return ""
	}
	return file
}

// New returns Transformers that know no table before Load.
func New(log *zap.Logger, q Querier, p Publisher, c Config) *Transformers {
	if c.TimeLimit == 0 {
		c.TimeLimit = 5 * time.Second
	}
	c.TimeLimit = min(c.TimeLimit, longestTimeLimit)
	if c.LoadLimit == 0 {
		c.LoadLimit = time.Minute
	}
	if c.MemoryLimit == 0 {
		c.MemoryLimit = 256 << 20
	}
	if c.Runtimes == 0 {
		c.Runtimes = runtime.GOMAXPROCS(0)
	}
	t := &Transformers{log: log.Named("transform"), querier: q, publisher: p, config: c, program: program}
	t.loaded.Store(&fileSet{})
	return t
}

// Load reads the directory and runs each table's file once, so that all mistakes show now. The error names every file
// that does not compile, throws or exports no function, with the line; then nothing is loaded. A Transient error names
// no file: there was no process to check them.
func (t *Transformers) Load(tables []string) error {
	t.tables = tables
	return t.Reload()
}

// LoadFiles is Load for tables whose files are named explicitly. A missing file is an error.
func (t *Transformers) LoadFiles(files map[string]string) error {
	t.named = files
	return t.Load(slices.Sorted(maps.Keys(files)))
}

// Reload rereads the directory for the tables that Load named. Either all files are replaced or, on an error, the
// current ones stay. Calls in progress finish with the files they began with.
func (t *Transformers) Reload() error {
	if t.config.Directory == "" && t.config.Files == nil && t.config.Led == nil {
		return nil
	}
	sources := &sources{files: t.config.Files}
	if t.config.Files == nil && t.config.Directory != "" {
		var err error
		if sources, err = readSources(t.config.Directory); err != nil {
			return fmt.Errorf("read transformers of %s: %w", t.config.Directory, err)
		}
	}
	sources.lead(t.config.Led)
	now := &fileSet{runner: t.runner(sources), files: map[string]string{}, exports: map[string]exports{}}
	users := map[string][]string{} // tables by file
	var used []string
	var mistakes []error
	began := time.Now()
	for _, table := range t.tables {
		file := t.named[table]
		switch {
		case t.named == nil:
			file = sources.file(table, t.tables)
		case !sources.has(file):
			mistakes = append(mistakes, fmt.Errorf("load transformer: %s: there is no such file in %s", file, t.config.Directory))
			continue
		}
		if file == "" {
			continue
		}
		now.files[table] = file
		users[file] = append(users[file], table)
		if len(users[file]) > 1 {
			continue
		}
		if time.Since(began) > t.config.LoadLimit { // Promise 10: the hub may have given many that never end
			mistakes = append(mistakes, fmt.Errorf("load transformer: %s: not tried, since those before it took more than %v", file, t.config.LoadLimit))
			break
		}
		x, names, err := now.runner.check(file)
		if start, ok := errors.AsType[startError](err); ok {
			now.runner.close()
			return fmt.Errorf("could not load the transformers, through no fault of theirs: %w", start)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("load transformer: %w", err))
		}
		now.exports[file], used = x, append(used, names...)
	}
	if len(mistakes) > 0 {
		now.runner.close()
		return errors.Join(mistakes...)
	}
	if t.named == nil {
		now.shared, now.unused = sharedOf(users), sources.unused(used)
	}
	before := t.loaded.Swap(now)
	if before.runner != nil {
		before.runner.close()
	}
	for _, file := range slices.Sorted(maps.Keys(now.shared)) {
		t.log.Warn("transformer file matches several tables", zap.String("file", file), zap.Strings("tables", now.shared[file]))
	}
	for _, file := range now.unused {
		t.log.Warn("transformer file matches no table", zap.String("file", file))
	}
	return nil
}

// runner returns what runs the files: separate processes if this program can be started as one, see Main.
func (t *Transformers) runner(s *sources) runner {
	if t.program == "" {
		return newLocal(t.log, t.querier, t.publisher, t.config, s)
	}
	return newProcesses(t.program, t.log, t.querier, t.publisher, t.config, s)
}

// Close ends the processes that run the files. It waits for calls in progress; there must be none afterwards.
func (t *Transformers) Close() {
	if l := t.loaded.Load(); l.runner != nil {
		l.runner.close()
	}
}

// Unused returns the files of the directory that belong to no table and that no other file requires, as of the last
// Load or Reload. The slice is shared; do not change it.
func (t *Transformers) Unused() []string { return t.loaded.Load().unused }

// Shared returns the files used by several tables, with their tables, as of the last Load or Reload. The map is shared;
// do not change it.
func (t *Transformers) Shared() map[string][]string { return t.loaded.Load().shared }

// sharedOf returns the files used by several tables.
func sharedOf(users map[string][]string) map[string][]string {
	shared := map[string][]string{}
	for file, tables := range users {
		tables = slices.Compact(slices.Sorted(slices.Values(tables)))
		if len(tables) > 1 {
			shared[file] = tables
		}
	}
	return shared
}

// File returns table's file, or "" if it has none.
func (t *Transformers) File(table string) string { return t.loaded.Load().files[table] }

// Has reports whether table has a transformer; its file may export only resolve.
func (t *Transformers) Has(table string) bool { return t.loaded.Load().file(table, false) != "" }
