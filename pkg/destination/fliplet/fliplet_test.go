package fliplet_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/destination/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

func TestF04TheTokenNamesTheRegion(t *testing.T) {
	for token, want := range map[string]string{
		"eu--1": "https://api.fliplet.com", "US--1": "https://us.api.fliplet.com", "ca--1": "https://ca.api.fliplet.com", "": "https://api.fliplet.com", "au--1": "https://api.fliplet.com",
	} {
		if got := fliplet.URL(token); got != want {
			t.Errorf("%q belongs to %s, want %s", token, got, want)
		}
	}
}

// account is a data source at a stand-in.
func account(t *testing.T, leg fliplet.Leg) (*standin.Fliplet, *fliplet.Destination) {
	t.Helper()
	service := standin.NewFliplet("eu--1", 123)
	t.Cleanup(service.Close)
	c := fliplet.Config{Token: "eu--1", BaseURL: service.URL + "/"}
	client, err := remote.New(c.Remote(remote.Config{Tries: remote.Tries{Pause: time.Millisecond}}))
	if err != nil {
		t.Fatal(err)
	}
	leg.DataSource = 123
	d, err := c.New(client, leg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return service, d
}

func TestF13MergeKeepsColumnsThatOnlyFlipletHas(t *testing.T) {
	for _, merge := range []bool{false, true} {
		service, d := account(t, fliplet.Leg{Merge: merge})
		service.Put(123, standin.FlipletEntry{ID: 7, Data: []byte(`{"id":"a","note":"x"}`)})
		_, err := d.Send(context.Background(), &job.Batch{Operations: []job.Operation{{Kind: job.Update, ID: "7", Data: []byte(`{"id":"b"}`)}}})
		want := map[bool]string{false: `{"id":"b"}`, true: `{"id":"b","note":"x"}`}[merge]
		if got := string(service.Entries(123)[0].Data); err != nil || got != want {
			t.Errorf("merge %v: the entry is %s, %v; want %s", merge, got, err, want)
		}
	}
}

func TestF16FlipletSaysWhenToRetry(t *testing.T) {
	service, d := account(t, fliplet.Leg{})
	service.Fail(func(w http.ResponseWriter, _ *http.Request, n int) bool {
		if n == 1 {
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprintf(w, `{"nextValidRequestDate":%q}`, time.Now().Add(50*time.Millisecond).UTC().Format(time.RFC3339Nano))
		}
		return n == 1
	})
	if err := d.Check(context.Background()); err != nil || len(service.Requests()) != 2 {
		t.Errorf("%d requests, %v", len(service.Requests()), err)
	}
}

func TestCommitAnswersMayHaveAnySize(t *testing.T) {
	service, d := account(t, fliplet.Leg{})
	service.Put(123, standin.FlipletEntry{ID: 1, Data: []byte(`{"id":"` + strings.Repeat("x", 20<<20) + `"}`)})
	_, err := d.Send(context.Background(), &job.Batch{Operations: []job.Operation{{Kind: job.Insert, Data: []byte(`{"id":2}`)}}})
	if err != nil || len(service.Entries(123)) != 2 {
		t.Errorf("%d entries, %v", len(service.Entries(123)), err)
	}
}

// Large rows are sent from where they are.
func TestALargeRowIsCommitted(t *testing.T) {
	service, d := account(t, fliplet.Leg{})
	service.Put(123, standin.FlipletEntry{ID: 7, Data: []byte(`{"id":"a"}`)})
	large := `{"id":"` + strings.Repeat("x", remote.Large) + `"}`
	_, err := d.Send(context.Background(), &job.Batch{Operations: []job.Operation{
		{Kind: job.Update, ID: "7", Data: []byte(large)}, {Kind: job.Insert, Data: []byte(`{"id":2}`)}, {Kind: job.Insert, Data: []byte(large)},
	}})
	got := service.Entries(123)
	if err != nil || len(got) != 3 || string(got[0].Data) != large || string(got[1].Data) != `{"id":2}` || string(got[2].Data) != large {
		t.Errorf("%d entries, %v", len(got), err)
	}
}

func TestRowsAreReadOneByOne(t *testing.T) {
	service, d := account(t, fliplet.Leg{})
	for i := range int64(3) {
		service.Put(123, standin.FlipletEntry{ID: i + 1, Data: []byte(`{"id":1}`)})
	}
	n := 0
	if err := d.Rows(context.Background(), func(job.Stored) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
	for _, body := range []string{`[]`, `{}`, `{"entries":{}}`, `{"entries":[{"data":{}}]}`, `{"entries":[{"id":1,"data":[]}]}`, `{"entries":[{"id":1`} {
		service.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { fmt.Fprint(w, body); return true })
		if err := d.Rows(context.Background(), func(job.Stored) error { return nil }); err == nil {
			t.Errorf("%s was accepted", body)
		}
	}
}

func TestARefusedCommitSaysWhatToDo(t *testing.T) {
	_, d := account(t, fliplet.Leg{})
	_, err := d.Send(context.Background(), &job.Batch{Operations: []job.Operation{{Kind: job.Update, ID: "99", Data: []byte(`{}`)}}})
	if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.RowRefused {
		t.Errorf("with a missing entry: %v", err)
	}
}
