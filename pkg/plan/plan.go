package plan

import (
	"regexp"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// Plan is everything that a connector does. It does not change once made.
type Plan struct {
	Sources      map[string]Adapter
	Destinations map[string]Adapter
	Jobs         []Job // in the order in which they run at a start
	Once         bool  // end when each job has run
	Test         bool  // a dry run
	Sections

	locate func(key, text string) keys.Mistake // nil: the plan is of another program's file
}

// Sections are what a configuration says beside its jobs. Those that other packages
// define are checked by their schemas, and nil if they are missing.
type Sections struct {
	Identity Identity
	HTTP     HTTP
	Alerts   Settings
	Publish  Settings
	Backup   Settings
	Level    string // of logging
	Format   string // of logging
}

// Identity is who a connector is.
type Identity struct {
	ID   string   `koanf:"id"`
	Name string   `koanf:"name"`
	Org  string   `koanf:"org"`
	Hub  string   `koanf:"hub"`
	Tags []string `koanf:"tags"`
}

// HTTP is where the page, the API and the metrics are served.
type HTTP struct {
	Listen string `koanf:"listen"` // "": nowhere
	Token  string `koanf:"token"`
	Cert   string `koanf:"cert"` // paths of PEM files; "": without TLS
	Key    string `koanf:"key"`
}

// GoString hides the token.
func (h HTTP) GoString() string { return h.String() }

// String hides the token.
func (h HTTP) String() string { return h.Listen }

// Mistake returns what is wrong with a key, with its place in the file. An error that begins with the name of a key
// within it is about that key.
func (p *Plan) Mistake(key string, err error) keys.Mistake {
	text := err.Error()
	if inner := within.FindStringSubmatch(text); inner != nil {
		key, text = keys.Join(key, inner[1]), inner[2]
	}
	if p.locate == nil {
		return keys.Mistake{Key: key, Text: text}
	}
	return p.locate(key, text)
}

// within matches an error that begins with the path of a key.
var within = regexp.MustCompile(`^([a-z][a-zA-Z0-9]*(?:\[[0-9]+\])?(?:\.[a-zA-Z0-9]+)*): (.*)$`)

// Adapter is a source or a destination: the type says which package it belongs to, and that defines its settings.
type Adapter struct {
	Name     string // in the configuration; "" where no one asks for it
	Type     string
	Settings Settings
	Script   string // the file that defines the type; "": the connector has it
	Wrong    bool   // it has mistakes: see ReadText
}

// Job carries rows from one source to one or more destinations.
type Job struct {
	Name        string
	Description string
	From        From
	To          []Leg
	Schedule    schedule.Entry
	CatchUp     time.Duration // how late an occurrence may run
	Skip        bool          // skip runs that are due while the job is running; otherwise they run right afterwards
	After       string        // a job that runs before each run of this one; "": none
	Guard       diff.Guard
	Report      *Report // nil: it is none
	Quiet       bool    // that it fails is not to be told
}

// Report makes each run of a job a report of one date.
type Report struct {
	TypeID          string `koanf:"typeId"` // as the source calls it
	OffsetDays      int    `koanf:"offsetDays"`
	RepeatAfterDays int    `koanf:"repeatAfterDays"` // 0: never
	EmptyIsFailure  bool   `koanf:"emptyIsFailure"`
	NotifyOnFail    bool   `koanf:"notifyOnFail"`
	RealTime        bool   `koanf:"realTime"`
}

// Dates says which dates the report has.
func (r *Report) Dates() schedule.Report {
	return schedule.Report{OffsetDays: r.OffsetDays, RepeatAfterDays: r.RepeatAfterDays, RealTime: r.RealTime}
}

// From is what a job reads.
type From struct {
	Source  string
	Rows    job.From
	Overlap time.Duration // how far before the watermark a run reads again
	// Full is when all rows are read though there is a watermark, as crontab(5) has it;
	// "": never.
	Full     string
	Settings Settings // the keys of the source's kind
}

// Leg is a destination of a job.
type Leg struct {
	Destination string
	Mode        job.Mode
	Compare     diff.Compare
	Transform   string   // path of a transformer; "": none
	Batch       int      // rows in a batch; 0: what the destination takes
	Concurrency int      // batches in flight at a time; 0: one
	BroughtBy   string   // a job that brings rows from the destination to the source, which are not sent back; "": none
	Settings    Settings // the keys of the destination's kind
}
