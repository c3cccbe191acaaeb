package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

const (
	first  = "8b5a3f0e-6f0f-5c55-9c3f-0a4bb5d0a111"
	second = "8b5a3f0e-6f0f-5c55-9c3f-0a4bb5d0a222"
)

// endpoint is a stand-in's endpoint, as a job uses it.
func endpoint(t *testing.T, s *standin.Receiver, leg Leg, key ...string) *Destination {
	t.Helper()
	t.Cleanup(s.Close)
	c, err := Config{URL: s.URL + "/in?token=url-secret", Secret: s.Secret, Headers: map[string]string{"X-From": "shop"}, Auth: remote.Credentials{Bearer: "t-1"}}.Remote(remote.Config{Tries: remote.Tries{Pause: 1}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := remote.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if leg.Method == "" {
		leg.Method = http.MethodPost
	}
	d, err := New(client, s.Secret, leg, key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func send(t *testing.T, d *Destination, operations ...job.Operation) []job.Answer {
	t.Helper()
	answers, err := d.Send(t.Context(), &job.Batch{Operations: operations})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func TestRowsAreEvents(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"row", "batch"} {
		s := standin.NewReceiver("signing-secret")
		d := endpoint(t, s, Leg{Send: how, Body: "event"}, "b", "a")
		list := []job.Operation{
			{Kind: job.Insert, Key: `x\,y,2`, Data: []byte(`{"a":2,"b":"x,y"}`), Event: first},
			{Kind: job.Delete, Key: "z,3", Event: second},
		}
		if how == "batch" {
			send(t, d, list...)
		} else {
			send(t, d, list[0])
			send(t, d, list[1])
		}
		if fmt.Sprint(s.Rows()) != `map[2/x,y:{"a":2,"b":"x,y"}]` || s.Events() != 2 {
			t.Errorf("%s: it has %v after %d events", how, s.Rows(), s.Events())
		}
		for _, r := range s.Requests() {
			if r.Header.Get("X-From") != "shop" || r.Header.Get("Authorization") != "Bearer t-1" || r.Path != "/in?token=url-secret" {
				t.Errorf("%s: %s with %v", how, r.Path, r.Header)
			}
		}
	}
}

// Large rows are sent from where they are. The stand-in checks the signature.
func TestLargeRowsAreEvents(t *testing.T) {
	t.Parallel()
	row := func(id int) string { return fmt.Sprintf(`{"id":%d,"v":"%s"}`, id, strings.Repeat("x", remote.Large)) }
	for _, how := range []string{"row", "batch"} {
		s := standin.NewReceiver("signing-secret")
		d := endpoint(t, s, Leg{Send: how, Body: "event"}, "id")
		list := []job.Operation{
			{Kind: job.Insert, Key: "1", Data: []byte(row(1)), Event: first},
			{Kind: job.Update, Key: "2", Data: []byte(row(2)), Event: second},
		}
		if how == "batch" {
			send(t, d, list...)
		} else {
			send(t, d, list[0])
			send(t, d, list[1])
		}
		if got := s.Rows(); got["1"] != row(1) || got["2"] != row(2) || s.Events() != 2 {
			t.Errorf("%s: %d rows are there after %d events, of %d and %d bytes", how, len(got), s.Events(), len(got["1"]), len(got["2"]))
		}
	}
}

// Promise 2: repetitions are recognised.
func TestALostAnswerDoesNotDuplicateAnEvent(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"row", "batch"} {
		s := standin.NewReceiver("signing-secret")
		d := endpoint(t, s, Leg{Send: how, Body: "event"})
		s.Fail(func(w http.ResponseWriter, r *http.Request, n int) bool {
			switch n {
			case 1: // it was accepted
				s.Carry(w, r)
				panic(http.ErrAbortHandler)
			case 2:
				w.WriteHeader(http.StatusInternalServerError)
			}
			return n == 2
		})
		send(t, d, job.Operation{Kind: job.Insert, Data: []byte(`{}`), Event: first})
		if s.Events() != 1 || len(s.Requests()) != 3 {
			t.Errorf("%s: %d events of %d requests", how, s.Events(), len(s.Requests()))
		}
		id := s.Requests()[0].Header.Get("Idempotency-Key")
		for _, r := range s.Requests() {
			if r.Header.Get("Idempotency-Key") != id {
				t.Errorf("%s: a retry has another id", how)
			}
		}
	}
}

func TestASingleRowHasItsOwnPathAndMethod(t *testing.T) {
	t.Parallel()
	s := standin.NewReceiver("")
	s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(204); return true })
	d := endpoint(t, s, Leg{Path: "/orders/{a}/{b}?full=1", Method: "PUT", Body: "row"}, "a", "b")
	send(t, d, job.Operation{Kind: job.Update, Key: "a/b?c,2", Data: []byte(`{"a":1}`), Event: first})
	send(t, d, job.Operation{Kind: job.Delete, Key: "1,2", Event: second})
	put, gone := s.Requests()[0], s.Requests()[1]
	if put.Method != "PUT" || put.Path != "/in/orders/a%2Fb%3Fc/2?token=url-secret&full=1" || string(put.Body) != `{"a":1}` {
		t.Errorf("%s %s %s", put.Method, put.Path, put.Body)
	}
	if gone.Method != "DELETE" || gone.Path != "/in/orders/1/2?token=url-secret&full=1" || len(gone.Body) != 0 {
		t.Errorf("%s %s %s", gone.Method, gone.Path, gone.Body)
	}
	// A key that would lead elsewhere is refused, and nothing is sent.
	for _, key := range []string{"..,1", "1,.", ",1"} {
		if a := send(t, d, job.Operation{Kind: job.Delete, Key: key, Event: first}); a[0].Refused == "" {
			t.Errorf("the key %q was sent", key)
		}
	}
	if n := len(s.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestDeletesMayBeIgnored(t *testing.T) {
	t.Parallel()
	s := standin.NewReceiver("")
	s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(200); return true })
	d := endpoint(t, s, Leg{Send: "batch", Body: "row", Deletes: "ignore"}, "id")
	answers := send(t, d, job.Operation{Kind: job.Delete, Key: "1", Event: first}, job.Operation{Kind: job.Insert, Key: "2", Data: []byte(`{"id":2}`), Event: second})
	send(t, d, job.Operation{Kind: job.Delete, Key: "1", Event: first})
	if len(answers) != 2 || len(s.Requests()) != 1 || string(s.Requests()[0].Body) != `[{"id":2}]` {
		t.Errorf("%v, %d requests, %s", answers, len(s.Requests()), s.Requests()[0].Body)
	}
}

// The example of the standard webhooks specification.
func TestTheSignatureFollowsTheStandard(t *testing.T) {
	t.Parallel()
	s, err := newSigner("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	r := &remote.Request{Header: http.Header{}, Body: []byte(`{"test": 2432232314}`)}
	s.sign(r, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0))
	if got := r.Header.Get("Webhook-Signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("the signature is %s", got)
	}
	if _, err := newSigner("whsec_!"); err == nil {
		t.Error("a secret that is not base64 was accepted")
	}
}

func TestAnInexpressibleConfigurationIsAMistake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		leg  Leg
		key  []string
		want string
	}{
		{Leg{Path: "/{x}"}, []string{"id"}, `path: unknown key column "x"`},
		{Leg{Path: "/{id}"}, nil, `path: unknown key column "id"`},
		{Leg{Path: "/a?id={id}"}, []string{"id"}, "path: must begin"},
		{Leg{Path: "https://elsewhere"}, nil, "path: must begin"},
		{Leg{Path: "/{id}", Send: "batch"}, []string{"id"}, "path: a batch"},
		{Leg{Send: "batch", Body: "row"}, []string{"id"}, "deletes: a list"},
		{Leg{Send: "row", Body: "row", Path: "/{a}"}, []string{"a", "b"}, "path: does not say which"},
		{Leg{Send: "row", Body: "row"}, nil, ""},
		{Leg{Send: "batch", Body: "row"}, nil, ""},
	} {
		_, err := New(nil, "", c.leg, c.key)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.leg, err, c.want)
		}
	}
}

func TestD08AnswersOfAnEndpoint(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]remote.Verb{401: remote.Stop, 403: remote.Stop, 404: remote.Stop, 410: remote.Stop, 413: remote.Halve, 422: remote.RowRefused, 503: remote.Retry} {
		s := standin.NewReceiver("")
		s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Retry-After", "3600")
			if status == 403 {
				w.Header().Del("Retry-After")
			}
			w.WriteHeader(status)
			return true
		})
		d := endpoint(t, s, Leg{Send: "batch"})
		_, err := d.Send(t.Context(), &job.Batch{Operations: []job.Operation{{Kind: job.Insert, Data: []byte(`{}`), Event: first}}})
		e, ok := errors.AsType[*remote.Error](err)
		if !ok || e.Next.Do != want || status == 503 && e.Next.After != time.Hour || len(s.Requests()) != 1 {
			t.Errorf("%d: %v", status, err)
		}
		if strings.Contains(err.Error(), "url-secret") {
			t.Errorf("the address is shown: %v", err)
		}
	}
}

func TestBatchSizeFollowsTheJob(t *testing.T) {
	t.Parallel()
	s := standin.NewReceiver("signing-secret")
	if l := endpoint(t, s, Leg{Send: "batch", Body: "event"}, "id").Limits(); l.Rows != 100 || l.Most != 10_000 {
		t.Errorf("the limits for batches are %+v", l)
	}
	if l := endpoint(t, s, Leg{Send: "row", Body: "event"}, "id").Limits(); l.Rows != 1 || l.Most != 0 {
		t.Errorf("the limits for single rows are %+v", l)
	}
}
