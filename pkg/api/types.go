package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Connector answers the requests.
type Connector interface {
	Status(ctx context.Context) (*Status, error)
	// Runs returns runs, the newest first.
	Runs(ctx context.Context, w Which) ([]Run, error)
	// Refused returns refused rows of a job with ids above after, the oldest first.
	Refused(ctx context.Context, job string, after int64, limit int) ([]Refused, error)
	// Start runs a job. The channel gives the run's error when it has ended.
	Start(ctx context.Context, job string, o Order) (<-chan error, error)
	Pause(ctx context.Context, job, reason string) error
	Resume(ctx context.Context, job string) error
	// Clear takes failed runs of a job off the list of those that need a person: of one report date, or of all ("").
	// Failed reports then run again with the job's next scheduled run.
	Clear(ctx context.Context, job, date string) error
	// Cancel ends a job's run.
	Cancel(job string) error
	// Reload reads the configuration again. When it returns nil, a connector with the new one is about to take over; any
	// mistake is an error, and changes nothing.
	Reload(ctx context.Context) error
	// Ready returns what keeps jobs from running.
	Ready(ctx context.Context) error
	Editor
}

// The errors of a Connector whose cause is the request, or what a job is doing.
var (
	ErrNoJob   = errors.New("unknown job")
	ErrRunning = errors.New("the job is running")
	ErrPaused  = errors.New("the job is paused")
	ErrIdle    = errors.New("the job is not running")
	ErrRequest = errors.New("invalid request")
)

// Status is a connector and its jobs.
type Status struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Tags    []string   `json:"tags,omitempty"`
	Version string     `json:"version,omitempty"`
	Running bool       `json:"running"`
	Started *time.Time `json:"started,omitempty"`
	State   string     `json:"state"` // path of the state file
	// ReloadError is why the configuration that was reloaded last did not work, so that the one before it is back.
	ReloadError string  `json:"reloadError,omitempty"`
	Jobs        []Job   `json:"jobs"`
	Alerts      []Alert `json:"alerts"` // the open ones, the oldest first
}

// Alert is something that needs a person.
type Alert struct {
	Rule    string     `json:"rule"`    // failed, noSuccess, refused, guard or backup
	Subject string     `json:"subject"` // a job, or the connector
	Text    string     `json:"text"`
	Since   time.Time  `json:"since"`
	Told    *time.Time `json:"told,omitempty"` // when the first target was told
}

// Job is what a job is doing.
type Job struct {
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Schedule    string     `json:"schedule"`
	Running     bool       `json:"running"`
	Paused      *Paused    `json:"paused,omitempty"`
	Next        *time.Time `json:"next,omitempty"`
	Last        *Run       `json:"last,omitempty"`
	Legs        []Leg      `json:"legs"`
	Ended       Ended      `json:"ended"`
}

// Ended are the runs of a job that have ended since the connector started.
type Ended struct {
	Runs    map[string]int `json:"runs,omitempty"` // by their state
	Seconds float64        `json:"seconds"`        // their total duration
}

// Paused is since when, and why.
type Paused struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// Leg is a job's state at a destination, in rows.
type Leg struct {
	Destination string     `json:"destination"`
	Known       int        `json:"known"`
	Waiting     int        `json:"waiting"`
	Refused     int        `json:"refused"`
	Settled     string     `json:"settled,omitempty"` // watermark up to which everything is settled
	Adopted     *time.Time `json:"adopted,omitempty"` // when the destination was last read
}

// Run is one execution of a job.
type Run struct {
	ID         int64      `json:"id"`
	Job        string     `json:"job"`
	Kind       string     `json:"kind"`
	Occurrence string     `json:"occurrence,omitempty"`
	ReportDate string     `json:"reportDate,omitempty"`
	Repeats    int64      `json:"repeats,omitempty"` // the run whose report this one requested once more
	State      string     `json:"state"`
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended,omitempty"`
	Failure
	Counts
}

// Failure is why a run failed.
type Failure struct {
	Stage     string `json:"stage,omitempty"`
	Error     string `json:"error,omitempty"`
	RequestID string `json:"requestId,omitempty"`
}

// Counts are how many rows a run had to do with.
type Counts struct {
	Read      int `json:"read"`
	Sent      int `json:"sent"`
	Deleted   int `json:"deleted"`
	Unchanged int `json:"unchanged"`
	Refused   int `json:"refused"`
}

// Refused is a row that a destination refused.
type Refused struct {
	ID          int64           `json:"id"`
	Destination string          `json:"destination"`
	Key         string          `json:"key"`
	Delete      bool            `json:"delete,omitempty"`
	Reason      string          `json:"reason"`
	Tries       int             `json:"tries"`
	At          time.Time       `json:"at"`
	Row         json.RawMessage `json:"row,omitempty"`
}

// Which selects runs; the zero value means all.
type Which struct {
	Job    string
	State  string
	Open   bool  // failed or waiting, and still needing attention
	Before int64 // those with a lower id, for the next page
	Limit  int
}

// Order is a command to a job.
type Order struct {
	// Kind is run, retry (send pending and refused rows without reading), backfill (read all rows), or approve (run,
	// and delete what the guard has stopped).
	Kind string `json:"kind,omitempty"`
	Date string `json:"date,omitempty"` // of a report's backfill or retry
}

// The kinds of orders.
const (
	OrderRun      = "run"
	OrderRetry    = "retry"
	OrderBackfill = "backfill"
	OrderApprove  = "approve"
)
