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
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"go.uber.org/zap"
)

// longestTimeLimit bounds Config.TimeLimit. A backtracking regular expression
// cannot be interrupted, it can only be given a timeout when it is compiled,
// and one that timed out counts as not matched. So that timeout must never be
// shorter than a call's limit, which then stops the script before it can use
// the wrong answer.
const longestTimeLimit = time.Minute

func init() {
	regexp2.DefaultMatchTimeout = longestTimeLimit
}

// Querier runs a statement for a script's query function. The text is complete:
// the values are in it, escaped for a session without NO_BACKSLASH_ESCAPES. It
// is called concurrently and returns soon after ctx has ended. A statement
// without rows gives none.
type Querier interface {
	Query(ctx context.Context, sql string) ([]value.Entity, error)
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
	TimeLimit   time.Duration // of one call, waiting included; default 5 s, at most 1 min
	MemoryLimit int64         // bytes by which the heap may grow during one call; default 256 MiB
	Runtimes    int           // how many calls of one file run at a time; default GOMAXPROCS
}

// Transformers are the scripts of all tables. Its methods may be called
// concurrently, except that Load comes first and Reload never runs twice at a
// time.
type Transformers struct {
	log       *zap.Logger
	querier   Querier
	publisher Publisher
	config    Config
	tables    []string
	scripts   atomic.Pointer[map[string]*script]  // by table; Reload replaces it as a whole
	resolvers atomic.Pointer[map[string]*script]  // likewise, of the files that export resolve
	unused    atomic.Pointer[[]string]            // likewise, the files of no table
	shared    atomic.Pointer[map[string][]string] // likewise, the files of several, with these
	counts    counts
}

// New returns Transformers that know no table before Load.
func New(log *zap.Logger, q Querier, p Publisher, c Config) *Transformers {
	if c.TimeLimit == 0 {
		c.TimeLimit = 5 * time.Second
	}
	c.TimeLimit = min(c.TimeLimit, longestTimeLimit)
	if c.MemoryLimit == 0 {
		c.MemoryLimit = 256 << 20
	}
	if c.Runtimes == 0 {
		c.Runtimes = runtime.GOMAXPROCS(0)
	}
	t := &Transformers{log: log.Named("transform"), querier: q, publisher: p, config: c}
	t.scripts.Store(&map[string]*script{})
	t.resolvers.Store(&map[string]*script{})
	t.unused.Store(&[]string{})
	t.shared.Store(&map[string][]string{})
	return t
}

// Load reads the directory and runs the file of each table once, so that all
// mistakes show now. The error names every file that does not compile, throws
// or exports no function, with the line; then nothing is loaded.
func (t *Transformers) Load(tables []string) error {
	t.tables = tables
	return t.Reload()
}

// Reload reads the directory anew for the tables that Load named. Either all
// files are taken or, when there is an error, the ones in use stay. Calls that
// run meanwhile end with the files that they began with.
func (t *Transformers) Reload() error {
	if t.config.Directory == "" {
		return nil
	}
	sources, err := readSources(t.config.Directory)
	if err != nil {
		return fmt.Errorf("read transformers of %s: %w", t.config.Directory, err)
	}
	registry := sources.registry()
	byFile := map[string]*script{}
	byTable := map[string]*script{}
	resolvers := map[string]*script{}
	users := map[string][]string{} // tables by file
	var mistakes []error
	for _, table := range t.tables {
		file := sources.file(table, t.tables)
		if file == "" {
			continue
		}
		users[file] = append(users[file], table)
		if byFile[file] == nil {
			byFile[file] = newScript(t, registry, file)
			if err := byFile[file].check(); err != nil {
				mistakes = append(mistakes, fmt.Errorf("load transformer: %w", err))
			}
		}
		if byFile[file].main {
			byTable[table] = byFile[file]
		}
		if byFile[file].resolve {
			resolvers[table] = newResolver(t, registry, file)
		}
	}
	if len(mistakes) > 0 {
		return errors.Join(mistakes...)
	}
	t.scripts.Store(&byTable)
	t.resolvers.Store(&resolvers)
	shared := sharedOf(users)
	t.shared.Store(&shared)
	for _, file := range slices.Sorted(maps.Keys(shared)) {
		t.log.Warn("transformer file is that of several tables", zap.String("file", file), zap.Strings("tables", shared[file]))
	}
	unused := sources.unused()
	t.unused.Store(&unused)
	for _, file := range unused {
		t.log.Warn("transformer file belongs to no table", zap.String("file", file))
	}
	return nil
}

// Unused returns the files of the directory that belong to no table and that no
// other file requires, as the last Load or Reload found them. The slice is shared;
// do not change it.
func (t *Transformers) Unused() []string { return *t.unused.Load() }

// Shared returns the files that are those of several tables, with these, as the last
// Load or Reload found them. The map is shared; do not change it.
func (t *Transformers) Shared() map[string][]string { return *t.shared.Load() }

// sharedOf returns the files of several tables.
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

// File returns the file of table, "" where it has none.
func (t *Transformers) File(table string) string {
	for _, scripts := range []*map[string]*script{t.scripts.Load(), t.resolvers.Load()} {
		if s := (*scripts)[table]; s != nil {
			return s.file
		}
	}
	return ""
}

// Has tells whether table has a transformer; its file may export resolve alone.
func (t *Transformers) Has(table string) bool {
	return t.script(table) != nil
}

// script returns the script of table, nil without one.
func (t *Transformers) script(table string) *script {
	return (*t.scripts.Load())[table]
}
