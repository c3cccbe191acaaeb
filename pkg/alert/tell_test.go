package alert

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
)

// alerts are the alerts of a connector with its own state.
func alerts(t *testing.T, c Config) (*Alerts, *observer.ObservedLogs) {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	a, err := New(c, Who{ID: "c-7", Name: "berlin <office>", Tags: []string{"eu"}}, remote.Config{Tries: remote.Tries{Pause: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.DebugLevel)
	a.Ledger, a.Log = l, zap.New(core)
	return a, logs
}

func slackOf(t *testing.T) *standin.Slack {
	t.Helper()
	s := standin.NewSlack()
	t.Cleanup(s.Close)
	return s
}

func raise(t *testing.T, a *Alerts, rule, subject, text string) {
	t.Helper()
	if _, err := a.Raise(t.Context(), rule, subject, text); err != nil {
		t.Fatal(err)
	}
}

func TestR07SlackMessagesHaveNoMarkupOrSecrets(t *testing.T) {
	t.Parallel()
	s := slackOf(t)
	a, _ := alerts(t, Config{Slack: s.Webhook()})
	raise(t, a, Failed, "orders", "<!channel> & <https://evil.example|here>\n token=hunter2hunter2 "+standin.SlackPath+s.Webhook()+strings.Repeat("x", 9000))
	a.Deliver(t.Context())
	if _, err := a.Settle(t.Context(), Failed, "orders"); err != nil {
		t.Fatal(err)
	}
	a.Deliver(t.Context())
	a.Deliver(t.Context())
	texts := s.Texts()
	if len(texts) != 2 || !strings.HasPrefix(texts[0], ":red_circle: berlin &lt;office&gt;: Job orders failed: &lt;!channel&gt; &amp; &lt;https://evil.example|here&gt; token=***") ||
		!strings.HasPrefix(texts[1], ":large_green_circle: berlin &lt;office&gt;: Over: Job orders failed. It lasted ") {
		t.Errorf("%q", texts)
	}
	if strings.Contains(strings.Join(texts, ""), "hunter2") || strings.Contains(strings.Join(texts, ""), "CcDdEe") {
		t.Errorf("a secret is in the message: %q", texts)
	}
}

// What each answer of Slack means. Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
func TestR07AnswersOfSlack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		log    string
		told   bool          // must not be sent again
		sleep  time.Duration // at least
	}{
		{200, "ok", "alert sent", true, 0},
		{200, "<html>Log in to the wireless network</html>", "alert not sent yet", false, time.Millisecond},
		{400, "invalid_payload", "alert refused: it is dropped", true, 0},
		{403, "action_prohibited", "alerts cannot be sent", false, broken},
		{404, "no_service", "alerts cannot be sent", false, broken},
		{410, "channel_is_archived", "alerts cannot be sent", false, broken},
		{429, "rate_limited", "alert not sent yet", false, 30 * time.Second},
		{500, "rollup_error", "alert not sent yet", false, time.Millisecond},
	} {
		s := slackOf(t)
		s.Fail(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			if c.status == 429 {
				w.Header().Set("Retry-After", "30")
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
			return true
		})
		a, logs := alerts(t, Config{Slack: s.Webhook()})
		raise(t, a, Failed, "orders", "it failed")
		sleep, more := a.next(t.Context(), a.targets[0])
		_, again, due, err := a.Ledger.NextAlert(t.Context(), "slack")
		if err != nil || logs.FilterMessage(c.log).Len() != 1 || more != c.told || (again || !due.IsZero()) == c.told || sleep < c.sleep || len(s.Requests()) != 1 {
			t.Errorf("%d: sleep %v, more %t, again %t or at %v, %v; %v", c.status, sleep, more, again, due, err, logs.All())
		}
		for _, e := range logs.All() {
			if text := e.Message + contextOf(e); strings.Contains(text, "CcDdEe") {
				t.Errorf("the address is logged: %s", text)
			}
		}
	}
}

func contextOf(e observer.LoggedEntry) string {
	text, _ := json.Marshal(e.ContextMap())
	return string(text)
}

// The stand-in refuses more than one message a second; it never has to.
func TestR07AtMostOneMessageASecond(t *testing.T) {
	t.Parallel()
	s := slackOf(t)
	a, _ := alerts(t, Config{Slack: s.Webhook()})
	for _, name := range []string{"a", "b", "c", "d"} {
		raise(t, a, Failed, name, "it failed")
	}
	a.Deliver(t.Context())
	if len(s.Texts()) != 4 || len(s.Requests()) != 4 {
		t.Errorf("%d messages in %d requests", len(s.Texts()), len(s.Requests()))
	}
}

// One target that is down does not hold up another; a message in doubt is resent with its ID.
func TestR07AWebhookThatHangsUpGetsTheSameIDAgain(t *testing.T) {
	t.Parallel()
	s := slackOf(t)
	type told struct {
		ID, Rule, Subject, State, Since, Over, Message string
		Connector                                      Who
	}
	var mu sync.Mutex // the handler ends after its client, if it hangs up
	var list []told
	var keys []string
	n := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m told
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Header.Get("X-Api-Key") != "k-secret" {
			t.Errorf("%v, %v", err, r.Header)
		}
		mu.Lock()
		defer mu.Unlock()
		list, keys = append(list, m), append(keys, r.Header.Get("Idempotency-Key"))
		if n++; n == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer hook.Close()
	heard := func() []told {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
	a, _ := alerts(t, Config{Slack: s.Webhook(), Webhook: Webhook{URL: hook.URL, Auth: remote.Credentials{APIKey: "k-secret"}}})
	raise(t, a, Guard, "orders", "run 3 waits for approval: 40 of 50")
	a.Deliver(t.Context())
	if got := heard(); len(got) != 1 || len(s.Texts()) != 1 {
		t.Fatalf("%+v, %q", got, s.Texts())
	}
	for len(heard()) < 2 { // it is resent after a pause
		a.Deliver(t.Context())
	}
	a.Check(t.Context()) // no waiting job has this name
	a.Deliver(t.Context())
	mu.Lock()
	defer mu.Unlock()
	first, last := list[0], list[len(list)-1]
	if first.Rule != Guard || first.Subject != "orders" || first.State != "open" || first.Connector.ID != "c-7" || first.Connector.Tags[0] != "eu" ||
		!strings.Contains(first.Message, "40 of 50") || first.ID != keys[0] || len(first.ID) != 36 {
		t.Errorf("%+v", first)
	}
	if list[1].ID != first.ID || keys[1] != first.ID {
		t.Errorf("resent with another ID: %+v", list[1])
	}
	if last.State != "over" || last.Over == "" || last.ID == first.ID {
		t.Errorf("%+v", last)
	}
	if len(list) != 3 || len(s.Texts()) != 2 {
		t.Errorf("%q", s.Texts())
	}
}

func TestMistakesOfTheBlock(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Config{
		"slack: must be":    {Slack: "hooks.slack.com/services/x"},
		"webhook.url: must": {Webhook: Webhook{URL: "ftp://x"}},
		"webhook.auth: has": {Webhook: Webhook{URL: "https://x", Auth: remote.Credentials{APIKey: "a", Bearer: "b"}}},
		"noSuccessWithin":   {NoSuccessWithin: "a day"},
	} {
		if _, err := New(c, Who{}, remote.Config{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
