package openfn_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/destination/openfn"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

// hook is a stand-in's webhook, as a job with a key uses it.
func hook(t *testing.T, c openfn.Config, key ...string) (*standin.Sync, *openfn.Destination) {
	t.Helper()
	list := map[string]string{"openfn": "entities", "mock-sync-server": "data"}[c.Type]
	s := standin.NewSync(list, c.Auth.APIKey)
	t.Cleanup(s.Close)
	c.URL = s.URL + "/i/hook-secret"
	r, err := c.Remote(remote.Config{Tries: remote.Tries{Pause: 1}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := remote.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return s, openfn.New(client, c.Type, openfn.Leg{}, key)
}

func send(t *testing.T, d *openfn.Destination, operations ...job.Operation) []job.Answer {
	t.Helper()
	answers, err := d.Send(t.Context(), &job.Batch{Operations: operations})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func TestD06EventsAreSentUnchanged(t *testing.T) {
	t.Parallel()
	s, d := hook(t, openfn.Config{Type: "openfn", Auth: remote.Credentials{APIKey: "sk_1"}}, "guid")
	send(t, d,
		job.Operation{Kind: job.Insert, Key: "g-1", Data: []byte(`{"guid":"g-1","entityGuid":"e-1","type":"create","data":{"a":1},"timestamp":"2024-01-01T00:00:00.000Z","userId":"u","syncLevel":1}`)},
		job.Operation{Kind: job.Insert, Key: "g-2", Data: []byte(`{"id":9,"guid":"g-2","entity_guid":"e-2","type":"create","data":"{\"a\": 2}","timestamp":"2024-01-01T00:00:00.000Z","user_id":null,"sync_level":0}`)},
		job.Operation{Kind: job.Delete, Key: "g-0"})
	want := `{"entities":[{"guid":"g-1","entityGuid":"e-1","type":"create","data":{"a":1},"timestamp":"2024-01-01T00:00:00.000Z","userId":"u","syncLevel":1},` +
		`{"guid":"g-2","entityGuid":"e-2","type":"create","data":{"a":2},"timestamp":"2024-01-01T00:00:00.000Z","userId":"system","syncLevel":0}]}`
	r := s.Requests()[0]
	if got := string(r.Body); got != want || r.Method != "POST" || r.Path != "/i/hook-secret" || r.Header.Get("X-Api-Key") != "sk_1" {
		t.Errorf("%s %s: sent\n%s\nwant\n%s", r.Method, r.Path, got, want)
	}
}

func TestD04OtherRowsBecomeEvents(t *testing.T) {
	t.Parallel()
	s, d := hook(t, openfn.Config{Type: "mock-sync-server"}, "id")
	send(t, d, job.Operation{Kind: job.Insert, Key: "1", Data: []byte(`{"id":1}`), Event: "event-1"}, job.Operation{Kind: job.Delete, Key: "2", Event: "event-2"})
	e := s.Events()
	if len(e) != 2 || fmt.Sprint(e[0].GUID, e[0].EntityGUID, e[0].Type, string(e[0].Data), *e[0].SyncLevel) != `event-11insert{"id":1}1` || e[1].Type != "delete" || e[1].EntityGUID != "2" {
		t.Errorf("%+v", e)
	}
}

func TestD13RowsFromOutsideAreNotSentBack(t *testing.T) {
	t.Parallel()
	s, d := hook(t, openfn.Config{Type: "openfn"}, "guid")
	answers := send(t, d, job.Operation{Kind: job.Insert, Key: "g", Data: []byte(`{"guid":"g","type":"external-pull","data":{},"syncLevel":2}`)})
	if answers[0].Refused != "" || len(s.Requests()) != 0 {
		t.Errorf("%v, %d requests", answers, len(s.Requests()))
	}
}

func TestD06OnlyInvalidEventsAreRefused(t *testing.T) {
	t.Parallel()
	s, d := hook(t, openfn.Config{Type: "openfn"}, "guid")
	var list []job.Operation
	for _, data := range []string{`{"guid":"1","type":"t"}`, `{"guid":"2","data":{}}`, `{"guid":"3","type":"t","data":"{"}`, `{"guid":"4","type":"t","data":{},"syncLevel":"x"}`, `{"guid":"5","type":"t","data":{}}`} {
		list = append(list, job.Operation{Kind: job.Insert, Key: "key", Data: []byte(data)})
	}
	answers := send(t, d, list...)
	for i, a := range answers {
		if (a.Refused != "") != (i < 4) {
			t.Errorf("%s: %q", list[i].Data, a.Refused)
		}
	}
	if len(s.Events()) != 1 || s.Events()[0].GUID != "5" {
		t.Errorf("%+v", s.Events())
	}
}

func TestD08AnswersOfAWebhook(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]remote.Verb{401: remote.Stop, 404: remote.Stop, 413: remote.Halve, 503: remote.Retry} {
		s, d := hook(t, openfn.Config{Type: "openfn", Auth: remote.Credentials{Bearer: "bearer-secret"}})
		s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(status)
			return true
		})
		_, err := d.Send(t.Context(), &job.Batch{Operations: []job.Operation{{Kind: job.Insert, Data: []byte(`{}`), Event: "e"}}})
		e, ok := errors.AsType[*remote.Error](err)
		if !ok || e.Next.Do != want || want == remote.Retry && e.Next.After != 10*time.Minute {
			t.Errorf("%d: %v", status, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}

// Pause, attempts and timeout are honoured, unlike by the originals.
func TestD04TheConfigurationIsHonoured(t *testing.T) {
	t.Parallel()
	r, err := openfn.Config{URL: "https://user:secret@example.org/i/secret", Timeout: "60s", Attempts: 3, Pause: "250ms"}.Remote(remote.Config{})
	if err != nil || r.Tries.Timeout != time.Minute || r.Tries.Most != 3 || len(r.Limits) != 1 || r.Limits[0] != (remote.Limit{Name: "openfn example.org", Requests: 1, Window: 250 * time.Millisecond}) {
		t.Errorf("%+v, %v", r.Limits, err)
	}
	for _, c := range []openfn.Config{{Timeout: "soon"}, {Pause: "-1s"}} {
		if _, err := c.Remote(remote.Config{}); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestD16AWebhookThatAnswersIsAvailable(t *testing.T) {
	t.Parallel()
	for status, there := range map[int]bool{200: true, 401: true, 404: true, 405: true, 503: false} {
		s, d := hook(t, openfn.Config{Type: "openfn", Attempts: 1})
		s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(status); return true })
		if err := d.Reach(t.Context()); (err == nil) != there || s.Requests()[0].Method != http.MethodGet {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestBatchSizeFollowsTheJob(t *testing.T) {
	t.Parallel()
	_, d := hook(t, openfn.Config{Type: "openfn"}, "guid")
	if l := d.Limits(); l.Rows != 100 || l.Most != 10_000 {
		t.Errorf("the limits are %+v", l)
	}
}
