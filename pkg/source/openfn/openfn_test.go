package openfn_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/source/openfn"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

// server is a stand-in, and the source that reads it.
func server(t *testing.T) (*standin.Sync, *openfn.Source) {
	t.Helper()
	s := standin.NewSync("entities", "sk_1")
	t.Cleanup(s.Close)
	c, err := openfn.Config{URL: s.URL + "/hook", Auth: remote.Credentials{APIKey: "sk_1"}, CallbackToken: "callback-1", Attempts: 1}.Remote(remote.Config{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := remote.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s, openfn.New(client)
}

// read reads events.
func read(t *testing.T, s *openfn.Source, since *string) (list []*record.Record, err error) {
	t.Helper()
	r := job.Request{From: job.From{Key: []string{"guid"}, Watermark: "timestamp"}, Since: since}
	err = s.Read(t.Context(), r, func(rec *record.Record) error { list = append(list, rec); return nil })
	return list, err
}

func TestD05ItemsBecomeEventsInOrderOfTime(t *testing.T) {
	t.Parallel()
	s, source := server(t)
	s.Give(`{"id":"ext-2","timestamp":"2024-05-02T01:00:00+02:00"}`, `{"name":"no time"}`, `{"id":7,"timestamp":1714521600000}`,
		`{"guid":"g-1","entityGuid":"e-1","type":"update-individual","data":{"a":1},"timestamp":"2024-05-03T00:00:00.000Z","userId":"u","syncLevel":1}`,
		`[]`, `{"timestamp":"soon"}`)
	first, err := read(t, source, nil)
	if err != nil {
		t.Fatal(err)
	}
	var seen, bad []string
	for _, rec := range first {
		if rec.Bad != "" {
			bad = append(bad, rec.Bad)
			continue
		}
		o, err := record.Object(rec.Data)
		if err != nil || rec.Key != o["guid"] {
			t.Errorf("%+v, %v", rec, err)
		}
		entity := o["entityGuid"]
		if entity == o["guid"] {
			entity = "itself"
		}
		seen = append(seen, fmt.Sprint(entity, " ", o["type"], " ", o["userId"], " ", o["syncLevel"], " ", rec.Mark))
	}
	want := `itself external-pull external-system 2 
7 external-pull external-system 2 1714521600000
ext-2 external-pull external-system 2 2024-05-02T01:00:00+02:00
e-1 update-individual u 2 2024-05-03T00:00:00.000Z`
	if got := strings.Join(seen, "\n"); got != want || len(bad) != 2 {
		t.Errorf("read\n%s\nwant\n%s\nand %q", got, want, bad)
	}
	// D11: repeated items are the same events.
	again, err := read(t, source, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range again {
		if string(again[i].Data) != string(first[i].Data) {
			t.Errorf("%s was %s", again[i].Data, first[i].Data)
		}
	}
}

func TestD07ThePullOfOpenFn(t *testing.T) {
	t.Parallel()
	s, source := server(t)
	s.Fail(func(w http.ResponseWriter, _ *http.Request, n int) bool {
		_, _ = w.Write([]byte([]string{`[]`, `{"events":[{"id":1}]}`, `{"events":[]}`}[n-1]))
		return true
	})
	since := "2024-05-01T00:00:00.000Z"
	for i, want := range []int{0, 1, 0} {
		if list, err := read(t, source, &since); err != nil || len(list) != want {
			t.Errorf("%d: %v, %v", i, list, err)
		}
	}
	r := s.Requests()[0]
	if r.Method != "GET" || r.Path != "/hook?since=2024-05-01T00%3A00%3A00.000Z" || r.Header.Get("X-Api-Key") != "sk_1" || r.Header.Get("X-Callback-Token") != "callback-1" {
		t.Errorf("%s %s %v", r.Method, r.Path, r.Header)
	}
}

func TestD05AResponseThatIsNotAListIsAnError(t *testing.T) {
	t.Parallel()
	s, source := server(t)
	for _, body := range []string{`{}`, `null`, `"x"`, `{"events":null}`, `<html>`, ``} {
		s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { _, _ = w.Write([]byte(body)); return true })
		if _, err := read(t, source, nil); err == nil {
			t.Errorf("%q was accepted as an empty list", body)
		}
	}
	s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(404); return true })
	if err := source.Check(t.Context()); err == nil || strings.Contains(err.Error(), "callback-1") {
		t.Errorf("an unknown hook: %v", err)
	}
}
