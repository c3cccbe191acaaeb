package fliplet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	account "github.com/mysql-sync/mysql-sync/pkg/destination/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/source/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

// opened is a data source with some number of entries.
func opened(t *testing.T, entries int, q fliplet.Query) (*standin.Fliplet, *fliplet.Source) {
	t.Helper()
	service := standin.NewFliplet("eu--1", 123)
	t.Cleanup(service.Close)
	for i := range entries {
		service.Put(123, standin.FlipletEntry{ID: int64(i + 1), Data: fmt.Appendf(nil, `{"n":%d,"even":%t}`, i, i%2 == 0)})
	}
	c := account.Config{Token: "eu--1", BaseURL: service.URL}
	client, err := remote.New(c.Remote(remote.Config{Tries: remote.Tries{Pause: time.Millisecond}, Dry: func(remote.Sent) {}}))
	if err != nil {
		t.Fatal(err)
	}
	q.DataSource = 123
	s, err := fliplet.New(client, q)
	if err != nil {
		t.Fatal(err)
	}
	return service, s
}

func read(t *testing.T, s *fliplet.Source) ([]*record.Record, error) {
	t.Helper()
	var list []*record.Record
	err := s.Read(context.Background(), job.Request{From: job.From{Key: []string{"n"}}}, func(r *record.Record) error { list = append(list, r); return nil })
	return list, err
}

func TestF24EntriesAreReadPageByPage(t *testing.T) {
	for entries, requests := range map[int]int{0: 1, 9: 1, 10: 2, 25: 3} {
		service, s := opened(t, entries, fliplet.Query{Page: 10})
		list, err := read(t, s)
		if err != nil || len(list) != entries || len(service.Requests()) != requests {
			t.Errorf("%d entries: read %d with %d requests, %v", entries, len(list), len(service.Requests()), err)
		}
		for i, r := range list {
			if r.Key != fmt.Sprint(i) || r.Bad != "" {
				t.Errorf("entry %d is %+v", i, r)
			}
		}
	}
}

func TestF24AQueryIsPassedOn(t *testing.T) {
	service, s := opened(t, 5, fliplet.Query{Where: map[string]any{"even": true}, Attributes: []any{"n"}, IDColumn: "entry", UpdatedColumn: "at"})
	list, err := read(t, s)
	if err != nil || len(list) != 3 || !strings.HasPrefix(string(list[2].Data), `{"at":"`) || !strings.HasSuffix(string(list[2].Data), `,"entry":5,"n":4}`) {
		t.Errorf("%s, %v", list[2].Data, err)
	}
	if got := string(service.Requests()[0].Body); got != `{"type":"select","where":{"even":true},"attributes":["n"],"order":[["id","ASC"]],"limit":1000,"offset":0}` {
		t.Errorf("the query is %s", got)
	}
}

func TestF24AnInvalidPageEndsTheRead(t *testing.T) {
	for body, want := range map[string]string{
		`[]`: "no list of entries", `{}`: "no list of entries", `{"entries":{}}`: "no list of entries", `{"entries":[{"id":1`: "no list of entries",
		`{"entries":[{"id":1,"data":{"n":1}}]}`: "does not page",
	} {
		service, s := opened(t, 0, fliplet.Query{Page: 1})
		service.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { fmt.Fprint(w, body); return true })
		if _, err := read(t, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
	service, s := opened(t, 0, fliplet.Query{})
	service.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		fmt.Fprint(w, `{"entries":[{"id":1},{"id":2,"data":[]},7,{"data":{}},{"data":{"n":1}}]}`)
		return true
	})
	list, err := read(t, s)
	if err != nil || len(list) != 5 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	for i, want := range []string{"entry 1 has no data", "entry 2 has no data", "entry 3 is not an object", "n: has no key", ""} {
		if list[i].Bad != want {
			t.Errorf("row %d is %q, want %q", i, list[i].Bad, want)
		}
	}
}

func TestF24AQueryHasBlocks(t *testing.T) {
	for key, q := range map[string]fliplet.Query{"dataSource": {}, "where": {DataSource: 1, Where: "x"}, "join": {DataSource: 1, Join: []any{}}} {
		if _, err := fliplet.New(nil, q); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func FuzzEntries(f *testing.F) {
	f.Add(`{"entries":[{"id":1,"data":{"n":1}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		service, s := opened(t, 0, fliplet.Query{IDColumn: "n"})
		service.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { fmt.Fprint(w, text); return true })
		list, _ := read(t, s)
		for _, r := range list {
			if r.Bad == "" && !json.Valid(r.Data) {
				t.Errorf("%q became %s", text, r.Data)
			}
		}
	})
}
