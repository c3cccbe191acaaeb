package connector

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// kept is a keeper of a job that runs daily at 07:30, and fully at 04:00.
func kept(t *testing.T) *keeper {
	t.Helper()
	state, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "connector.db"), ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	parse := func(e schedule.Entry) *schedule.Schedule {
		s, err := schedule.Parse(e)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	j := &scheduled{Job: &job.Job{Log: zaptest.NewLogger(t), Ledger: state, Name: "orders"}, catchUp: 24 * time.Hour}
	j.when, j.full = parse(schedule.Entry{Daily: "07:30"}), parse(schedule.Entry{Cron: "0 4 * * *"})
	return &keeper{scheduled: j}
}

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2026-11-27 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func TestF18DueJobsRunAndMissedOnesRunOnce(t *testing.T) {
	t.Parallel()
	k := kept(t)
	turn := func(clock, kind, occurrence string) {
		t.Helper()
		if cause, _ := k.turn(t.Context(), at(clock)); cause.Kind != kind || cause.Occurrence != occurrence {
			t.Errorf("at %s: got %+v", clock, cause)
		}
	}
	k.last = at("07:00")
	turn("07:29", "", "")
	turn("07:30", job.Scheduled, "2026-11-27T07:30 UTC")
	turn("07:31", "", "")
	k.last = at("00:00").AddDate(0, 0, -3) // the connector was down
	turn("08:00", job.Full, "2026-11-27T04:00 UTC")
	turn("08:01", "", "")
	k.last = at("05:00")
	turn("08:00", job.Scheduled, "2026-11-27T07:30 UTC")
}

func TestAPausedJobCatchesUp(t *testing.T) {
	t.Parallel()
	k := kept(t)
	k.last = at("07:00")
	if err := k.Ledger.Pause(t.Context(), "orders", "a fair"); err != nil {
		t.Fatal(err)
	}
	if cause, _ := k.turn(t.Context(), at("07:40")); cause.Kind != "" {
		t.Errorf("a paused job runs: %+v", cause)
	}
	if err := k.Ledger.Resume(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	if cause, _ := k.turn(t.Context(), at("09:00")); cause.Occurrence != "2026-11-27T07:30 UTC" {
		t.Errorf("after the pause: got %+v", cause)
	}
}

func TestFailedRunsAreRetriedWithDoublingPauses(t *testing.T) {
	t.Parallel()
	k := kept(t)
	k.last = at("10:00")
	for _, pause := range []time.Duration{firstRetry, 2 * firstRetry, 4 * firstRetry, 8 * firstRetry, longestRetry, longestRetry} {
		k.over(errors.New("no answer"))
		if k.pause != pause {
			t.Errorf("the pause is %v, want %v", k.pause, pause)
		}
	}
	k.again = at("10:05")
	if cause, sleep := k.turn(t.Context(), at("10:04")); cause.Kind != "" || sleep > time.Minute {
		t.Errorf("%+v, %v", cause, sleep)
	}
	if cause, _ := k.turn(t.Context(), at("10:05")); cause.Kind != job.Retry {
		t.Errorf("%+v", cause)
	}
	k.over(nil)
	if cause, _ := k.turn(t.Context(), at("10:06")); cause.Kind != "" {
		t.Errorf("after a success: got %+v", cause)
	}
	jobs, err := k.Ledger.Jobs(t.Context())
	if err != nil || len(jobs) != 1 || !jobs[0].NextAt.Equal(at("04:00").AddDate(0, 0, 1)) {
		t.Errorf("the next run is recorded as %+v, %v", jobs, err)
	}
}

// A retry reads what could not be read; if only sending failed, it only sends.
func TestARetryReadsWhatTheRunCouldNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		last *ledger.Run
		want job.Cause
	}{
		{"it could not start", nil, job.Cause{Kind: job.Retry, Read: true}},
		{"the source was down", &ledger.Run{Kind: job.Scheduled, State: ledger.Failed, Failure: ledger.Failure{Stage: "read"}}, job.Cause{Kind: job.Retry, Read: true}},
		{"the destination was down", &ledger.Run{Kind: job.Scheduled, State: ledger.Failed, Failure: ledger.Failure{Stage: "send"}}, job.Cause{Kind: job.Retry}},
		{"the process was killed", &ledger.Run{Kind: job.Scheduled, State: ledger.Interrupted}, job.Cause{Kind: job.Retry, Read: true}},
		{"the source was down in a full run", &ledger.Run{Kind: job.Full, State: ledger.Failed, Failure: ledger.Failure{Stage: "read"}}, job.Cause{Kind: job.Full}},
	} {
		k := kept(t)
		k.when, k.full, k.scheduled.last = nil, nil, c.last
		k.over(errors.New("it failed"))
		if got, _ := k.turn(t.Context(), time.Now().Add(2*firstRetry)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
}
