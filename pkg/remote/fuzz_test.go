package remote_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Whatever a service answers, the next step is known and at most a day away.
func FuzzJudge(f *testing.F) {
	f.Add(429, "30", "Fri, 27 Nov 2026 08:00:00 GMT", "{}", true)
	f.Add(503, "Fri, 27 Nov 2026 08:00:30 GMT", "Fri, 27 Nov 2026 08:00:00 GMT", "", true)
	f.Add(403, "-1", "", "request too large", false)
	f.Fuzz(func(t *testing.T, status int, after, date, body string, sent bool) {
		header := http.Header{"Retry-After": {after}, "Date": {date}}
		next := remote.Judge(status, header, []byte(body), sent)
		switch next.Do {
		case remote.Done:
			if status < 200 || status > 299 {
				t.Errorf("%d is a success", status)
			}
		case remote.Retry, remote.Halve, remote.RowRefused, remote.Stop, remote.Doubt:
		default:
			t.Errorf("%d: %q", status, next.Do)
		}
		if next.After < 0 || next.After > 24*time.Hour || next.After > 0 && next.Do != remote.Retry {
			t.Errorf("%d: %v", status, next)
		}
	})
}

// Whatever the text, the secret is not in it afterwards.
func FuzzRedaction(f *testing.F) {
	f.Add("a s3cret b", "s3cret", "s3cret2", "pin")
	f.Add("", "", "", "\x8c")
	f.Add(`{"pin": "s3c"s3cret"ret"}`, "s3cret", "", "pin")
	f.Fuzz(func(t *testing.T, text, one, two, field string) {
		got := remote.NewRedactor([]string{one, two}, []string{field}).Text(text)
		for _, secret := range []string{one, two} {
			if len(secret) >= 4 && strings.Trim(secret, "*\"") == secret && strings.Contains(got, secret) && strings.Contains(text, secret) {
				t.Errorf("%q is in %q", secret, got)
			}
		}
	})
}
