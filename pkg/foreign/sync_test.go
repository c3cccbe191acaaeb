package foreign

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

func TestD01TheBlockOfDataCollectWorksUnchanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     string
		want     plan.External
		warnings int
	}{
		"the sample of the manual": {
			`{"name": "x", "externalSync": {"type": "openfn-adapter", "url": "https://api.openfn.org/workflow/trigger/abc123", "extraFields": [
				{"name": "apiKey", "value": "sk_prod_1234567890abcdef"}, {"name": "workflowId", "value": "wf_1234567890"},
				{"name": "batchSize", "value": "50"}, {"name": "timeout", "value": "30000"}]}}`,
			plan.External{Batch: 50, Push: plan.Adapter{Type: "openfn", Settings: plan.Settings{
				"url": "https://api.openfn.org/workflow/trigger/abc123", "auth": map[string]any{"apiKey": "sk_prod_1234567890abcdef"}, "timeout": "30000ms"}}}, 1,
		},
		"the mock server, numbers as numbers": {
			`{"type": "mock-sync-server", "url": "http://localhost:3000/mock-sync", "extraFields": [{"name": "batchSize", "value": 25},
				{"name": "retryAttempts", "value": "3"}, {"name": "delayBetweenBatches", "value": "100"}, {"name": "syncInterval", "value": "1"}]}`,
			plan.External{Batch: 25, Push: plan.Adapter{Type: "mock-sync-server", Settings: plan.Settings{
				"url": "http://localhost:3000/mock-sync", "auth": map[string]any{}, "attempts": 4, "pause": "100ms"}}}, 1,
		},
		"a user without an explicit kind": {
			`{"type": "openfn-adapter", "url": "https://h/x", "extraFields": [{"name": "username", "value": "u"}, {"name": "password", "value": "p"}]}`,
			plan.External{Push: plan.Adapter{Type: "openfn", Settings: plan.Settings{"url": "https://h/x", "auth": map[string]any{"user": "u", "password": "p"}}}}, 0,
		},
		"a token": {
			`{"type": "openfn-adapter", "auth": "token", "url": "https://h/x", "extraFields": [{"name": "token", "value": "t"}]}`,
			plan.External{Push: plan.Adapter{Type: "openfn", Settings: plan.Settings{"url": "https://h/x", "auth": map[string]any{"bearer": "t"}}}}, 0,
		},
	} {
		got, warnings, err := ExternalSync("app.json", []byte(c.text))
		if err != nil || len(warnings) != c.warnings {
			t.Errorf("%s: %v, %q", name, err, warnings)
			continue
		}
		got.Pull = plan.Adapter{}
		if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, map[string]any(got.Push.Settings), map[string]any(c.want.Push.Settings))
		}
	}
}

func TestD01MistakesInTheBlockHaveLines(t *testing.T) {
	t.Parallel()
	text := `{"externalSync": {
  "type": "openspp",
  "auth": "basic",
  "url": "api.example.org/hook-s3cret",
  "extraFields": [
    {"name": "apiKey", "value": "s3cret"},
    {"name": "batchSize", "value": "0"},
    {"name": "timeout", "value": "soon-s3cret"},
    {"name": "apiKey", "value": "s3cret"},
    {"value": "s3cret"}
  ]}}`
	_, _, err := ExternalSync("app.json", []byte(text))
	mistakes, ok := errors.AsType[keys.Mistakes](err)
	if !ok {
		t.Fatal(err)
	}
	got := mistakes.Located()
	for _, want := range []string{
		`app.json:1: type: "openspp" is not one of mock-sync-server, openfn-adapter`, // D02
		"app.json:1: url: is not an address",
		"app.json:7: extraFields[1]: batchSize is not a whole number from 1",
		"app.json:8: extraFields[2]: timeout is not a whole number from 1",
		"app.json:9: extraFields[3]: apiKey is a duplicate of line 6",
		"app.json:10: extraFields[4]: has no name",
		`app.json:1: auth: "basic" needs username among extraFields`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not reported: %s; got\n%s", want, got)
		}
	}
	if strings.Contains(got, "s3cret") {
		t.Errorf("a secret is in the message:\n%s", got)
	}
	for _, text := range []string{``, `[]`, `{`, `{"externalSync": []}`, `{"externalSync": {"type": []}}`, `{"type":"openfn-adapter","url":"https://h","extraFields":{}}`} {
		if _, _, err := ExternalSync("app.json", []byte(text)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// D09: each kind needs its fields, and says which.
func TestD09EachKindOfAuthHasItsFields(t *testing.T) {
	t.Parallel()
	for kind, fields := range map[string][]string{"api-key": {"apiKey"}, "bearer": {"token"}, "basic": {"username", "password"}, "oauth2": {"clientId", "clientSecret", "tokenUrl"}} {
		var list []string
		for _, f := range fields {
			_, _, err := ExternalSync("a", fmt.Appendf(nil, `{"type":"openfn-adapter","url":"https://h","auth":%q,"extraFields":[%s]}`, kind, strings.Join(list, ",")))
			if err == nil || !strings.Contains(err.Error(), f) {
				t.Errorf("%s without %s: %v", kind, f, err)
			}
			list = append(list, fmt.Sprintf(`{"name":%q,"value":"https://x"}`, f))
		}
		e, _, err := ExternalSync("a", fmt.Appendf(nil, `{"type":"openfn-adapter","url":"https://h","auth":%q,"extraFields":[%s]}`, kind, strings.Join(list, ",")))
		if err != nil || len(e.Push.Settings["auth"].(map[string]any)) == 0 {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, _, err := ExternalSync("a", []byte(`{"type":"openfn-adapter","url":"https://h","auth":"magic"}`)); err == nil || !strings.Contains(err.Error(), "oauth2") {
		t.Error(err)
	}
}

// A missing adapter is reported before anything runs; the original goes on without one and says
// nothing.
func TestD02D03AnUnknownTypeIsReportedWithTheKnownOnes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"type": "custom-adapter", "url": "https://h"}`, `{"url": "https://h"}`, `{"type": null, "url": "https://h"}`} {
		if _, _, err := ExternalSync("app.json", []byte(text)); err == nil || !strings.Contains(err.Error(), "is not one of mock-sync-server, openfn-adapter") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
