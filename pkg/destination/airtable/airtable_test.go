package airtable_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/destination/airtable"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

// base is a base with a table Orders.
func base(t *testing.T) *standin.Airtable {
	t.Helper()
	a := standin.NewAirtable("pat-1", "appX")
	t.Cleanup(a.Close)
	a.Table("Orders", map[string]string{"Order": standin.AirtableText, "Amount": standin.AirtableNumber, "Event": standin.AirtableText})
	return a
}

// table is the base's table, for rows with a key.
func table(t *testing.T, a *standin.Airtable, leg airtable.Leg, r remote.Config, key ...string) *airtable.Destination {
	t.Helper()
	leg.Table, leg.Typecast = "Orders", true
	if r.Tries.Pause == 0 {
		r.Tries.Pause = time.Millisecond
	}
	client, err := remote.New(airtable.Config{Token: "pat-1", Base: "appX", BaseURL: a.URL + "/"}.Remote(r))
	if err != nil {
		t.Fatal(err)
	}
	d, err := airtable.New(client, leg, key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func put(key, data string) job.Operation {
	return job.Operation{Kind: job.Insert, Key: key, Data: []byte(data), Event: "event-" + key}
}

func send(t *testing.T, d *airtable.Destination, operations ...job.Operation) []job.Answer {
	t.Helper()
	answers, err := d.Send(t.Context(), &job.Batch{Operations: operations})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// has summarizes what a table contains.
func has(a *standin.Airtable) string {
	var list []string
	for _, r := range a.Records("Orders") {
		list = append(list, fmt.Sprint(r.Fields["Order"], "=", r.Fields["Amount"]))
	}
	return strings.Join(list, " ")
}

func TestR02RowsAreMergedAndDeleted(t *testing.T) {
	t.Parallel()
	a := base(t)
	d := table(t, a, airtable.Leg{}, remote.Config{}, "Order")
	first := send(t, d, put("1", `{"Order":"1","Amount":"1.50"}`), put("2", `{"Order":"2","Amount":2}`))
	if first[0].ID == "" || first[0].ID == first[1].ID || has(a) != "1=1.50 2=2" {
		t.Fatalf("%v, %s", first, has(a))
	}
	// A record whose id is unknown is found by the fields.
	again := send(t, d, put("2", `{"Order":"2","Amount":3}`), job.Operation{Kind: job.Delete, Key: "1", ID: first[0].ID}, job.Operation{Kind: job.Delete, Key: "9"})
	if again[0].ID != first[1].ID || has(a) != "2=3" {
		t.Errorf("%v, %s", again, has(a))
	}
	if last := a.Requests()[len(a.Requests())-1]; string(last.Body) != `{"performUpsert":{"fieldsToMergeOn":["Order"]},"typecast":true,"records":[{"fields":{"Amount":3,"Order":"2"}}]}` {
		t.Errorf("the request was %s", last.Body)
	}
}

func TestR02RecordsDeletedByPeopleAreRecreatedOrLeft(t *testing.T) {
	t.Parallel()
	a := base(t)
	d := table(t, a, airtable.Leg{}, remote.Config{}, "Order")
	ids := send(t, d, put("1", `{"Order":"1"}`), put("2", `{"Order":"2"}`), put("3", `{"Order":"3"}`))
	a.Remove("Orders", ids[0].ID)
	a.Remove("Orders", ids[1].ID)
	one := put("1", `{"Order":"1","Amount":5}`)
	one.Kind, one.ID = job.Update, ids[0].ID
	answers := send(t, d, one, job.Operation{Kind: job.Delete, Key: "2", ID: ids[1].ID}, job.Operation{Kind: job.Delete, Key: "3", ID: ids[2].ID})
	if has(a) != "1=5" || answers[0].ID == ids[0].ID {
		t.Errorf("%v, %s", answers, has(a))
	}
	// A missing table is another matter.
	leg, err := airtable.New(clientOf(t, a), airtable.Leg{Table: "Nothing"}, []string{"Order"})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []job.Operation{one, {Kind: job.Delete, Key: "2", ID: ids[1].ID}} {
		_, err := leg.Send(t.Context(), &job.Batch{Operations: []job.Operation{o}})
		if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.Stop {
			t.Errorf("%s in a missing table: %v", o.Kind, err)
		}
	}
}

func clientOf(t *testing.T, a *standin.Airtable) *remote.Client {
	t.Helper()
	client, err := remote.New(airtable.Config{Token: "pat-1", Base: "appX", BaseURL: a.URL}.Remote(remote.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestR02RowsWithoutAKeyAreAdded(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"", "Event"} {
		a := base(t)
		d := table(t, a, airtable.Leg{EventField: event}, remote.Config{})
		a.Fail(func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 { // the answer is lost
				a.Carry(w, r)
				panic(http.ErrAbortHandler)
			}
			return false
		})
		b := &job.Batch{Operations: []job.Operation{put("", `{"Order":"1"}`)}}
		_, err := d.Send(t.Context(), b)
		want := "1=<nil>"
		if event == "" {
			if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.Doubt {
				t.Errorf("after a lost answer: %v", err)
			}
			_, err = d.Send(t.Context(), b) // as in the next run
			want = "1=<nil> 1=<nil>"
		}
		if err != nil || has(a) != want {
			t.Errorf("event %q: %s, %v", event, has(a), err)
		}
	}
}

func TestR02RowsThatAirtableWouldRejectAreRefusedBefore(t *testing.T) {
	t.Parallel()
	a := base(t)
	d := table(t, a, airtable.Leg{}, remote.Config{}, "Order")
	answers := send(t, d, put("1", `{"Order":null}`), put("2", `{"Amount":1}`), put("3", `{"Order":"3"}`))
	if answers[0].Refused == "" || answers[1].Refused == "" || answers[2].Refused != "" || has(a) != "3=<nil>" {
		t.Errorf("%v, %s", answers, has(a))
	}
	if n := len(a.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestR02After429NoRequestIsSentForHalfAMinute(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]time.Duration{
		`{"errors":[{"error":"RATE_LIMIT_REACHED"}]}`:                         30 * time.Second,
		`{"error":{"type":"PUBLIC_API_BILLING_LIMIT_EXCEEDED","message":""}}`: time.Hour,
	} {
		a := base(t)
		a.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, body)
			return true
		})
		budgets := remote.NewBudgets(remote.Memory())
		d := table(t, a, airtable.Leg{}, remote.Config{Budgets: budgets, Tries: remote.Tries{Patience: time.Millisecond}}, "Order")
		for range 2 { // the second by another client of the base
			err := d.Check(t.Context())
			e, ok := errors.AsType[*remote.Error](err)
			if !ok || e.Next.Do != remote.Retry || e.Next.After > want || e.Next.After < want-10*time.Second {
				t.Errorf("%s: %v, %+v", body, err, e)
			}
			d = table(t, a, airtable.Leg{}, remote.Config{Budgets: budgets, Tries: remote.Tries{Patience: time.Millisecond}}, "Order")
		}
		if n := len(a.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	}
}

// All writers to a base share its five requests a second.
func TestR02LimitsAreKeptBeforeAirtableEnforcesThem(t *testing.T) {
	t.Parallel()
	a := base(t)
	a.PerSecond = 5
	budgets := remote.NewBudgets(remote.Memory())
	ended := make(chan error)
	for range 2 {
		d := table(t, a, airtable.Leg{}, remote.Config{Budgets: budgets, Tries: remote.Tries{Pause: time.Millisecond, Patience: 10 * time.Second}}, "Order")
		go func() {
			var err error
			for range 4 {
				err = errors.Join(err, d.Check(context.Background()))
			}
			ended <- err
		}()
	}
	if err := errors.Join(<-ended, <-ended); err != nil || len(a.Requests()) != 8 {
		t.Errorf("%d requests, %v", len(a.Requests()), err)
	}
}

func TestR02TheTableIsReadPageByPage(t *testing.T) {
	t.Parallel()
	a := base(t)
	d := table(t, a, airtable.Leg{}, remote.Config{}, "Order")
	var list []job.Operation
	for i := range 10 {
		list = append(list, put(fmt.Sprint(i), fmt.Sprintf(`{"Order":"%d"}`, i)))
	}
	send(t, d, list...)
	n := 0
	rows := func() error {
		return airtable.Compared{Destination: d}.Rows(t.Context(), func(job.Stored) error { n++; return nil })
	}
	if err := rows(); err != nil || n != 10 {
		t.Errorf("%d rows, %v", n, err)
	}
	a.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		fmt.Fprint(w, `{"records":[],"offset":"itr1/rec1"}`)
		return true
	})
	if err := rows(); err == nil || !strings.Contains(err.Error(), "links back to itself") {
		t.Errorf("pages that link back to themselves: %v", err)
	}
}

func TestR02ABaseAndItsTokenHaveLimits(t *testing.T) {
	t.Parallel()
	c := airtable.Config{Token: "pat-secret", Base: "appX"}.Remote(remote.Config{})
	if c.Base != "https://api.airtable.com/v0/appX" || len(c.Limits) != 2 || c.Limits[0].Requests != 5 || c.Limits[1].Requests != 50 {
		t.Errorf("%+v", c.Limits)
	}
	if strings.Contains(fmt.Sprint(c.Limits), "secret") {
		t.Error("the token is shown")
	}
	other := airtable.Config{Token: "pat-secret", Base: "appY"}.Remote(remote.Config{})
	if other.Limits[0].Name == c.Limits[0].Name || other.Limits[1].Name != c.Limits[1].Name {
		t.Error("two bases of a token share the wrong limit")
	}
}

func TestR02AFieldThatCannotBeMergedOnIsAMistake(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		leg airtable.Leg
		key []string
	}{
		"table: ":      {airtable.Leg{}, []string{"a"}},
		"mergeOn: is":  {airtable.Leg{Table: "t"}, []string{"a", "b", "c", "d"}},
		"mergeOn: has": {airtable.Leg{Table: "t", MergeOn: []string{"a"}}, nil},
		"eventField: ": {airtable.Leg{Table: "t", EventField: "e"}, []string{"a"}},
	} {
		if _, err := airtable.New(nil, c.leg, c.key); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
}
