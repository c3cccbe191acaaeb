package standin

import (
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// orders is a base with one table.
func orders(t *testing.T) *Airtable {
	t.Helper()
	a := NewAirtable("pat-1", "appX")
	t.Cleanup(a.Close)
	a.Table("Orders", map[string]string{"Order": AirtableText, "Amount": AirtableNumber, "Paid": AirtableCheckbox, "Total": AirtableComputed})
	return a
}

// The stand-in is strict, but is it Airtable? Its own client says so.
func TestR02AirtablesOwnClientAcceptsTheStandIn(t *testing.T) {
	t.Parallel()
	a := orders(t)
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("there is no Node: run scripts/install-deps.sh node")
	}
	out, err := exec.CommandContext(t.Context(), node, "testdata/airtable/client.js", a.URL, a.Token, a.Base).Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Log(string(e.Stderr))
		}
		t.Fatal(err)
	}
	var seen, want any
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatal(err)
	}
	expected := `{
		"created": [[true,"o-0",0],[true,"o-1",1],[true,"o-2",2],[true,"o-3",3],[true,"o-4",4],[true,"o-5",5],[true,"o-6",6],[true,"o-7",7],[true,"o-8",8],[true,"o-9",9]],
		"pages": [100,10], "upserted": [["o-1",7.5,null],["new",null,true]], "updated": true, "found": 7.5, "destroyed": 2, "left": 109, "after": 109,
		"refused": {
			"eleven": "422 INVALID_RECORDS", "field": "422 UNKNOWN_FIELD_NAME", "value": "422 INVALID_VALUE_FOR_COLUMN", "computed": "422 INVALID_VALUE_FOR_COLUMN",
			"four": "422 INVALID_REQUEST_UNKNOWN", "gone": "404 NOT_FOUND", "again": "404 NOT_FOUND", "table": "403 NOT_AUTHORIZED", "token": "401 AUTHENTICATION_REQUIRED"}}`
	if err := json.Unmarshal([]byte(expected), &want); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(seen)
	if need, _ := json.Marshal(want); string(got) != string(need) {
		t.Errorf("got\n%s\nwant\n%s", got, need)
	}
}

func TestR02TooManyRequestsAreAllRefusedForAWhile(t *testing.T) {
	t.Parallel()
	a := orders(t)
	a.PerSecond, a.Pause = 5, time.Hour
	status := func() int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", a.URL+"/v0/appX/Orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer pat-1")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	for range 5 {
		if s := status(); s != 200 {
			t.Fatalf("one of the first five got status %d", s)
		}
	}
	for range 2 {
		if s := status(); s != 429 {
			t.Errorf("one too many got status %d", s)
		}
	}
}
