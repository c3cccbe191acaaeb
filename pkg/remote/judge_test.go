package remote_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

func TestF16EachAnswerSaysWhatToDoNext(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header string // Retry-After
		body   string
		sent   bool
		want   remote.Verb
		after  time.Duration
	}{
		"no connection":                        {0, "", "", false, remote.Retry, 0},
		"silence after sending":                {0, "", "", true, remote.Doubt, 0},
		"success":                              {200, "", "", true, remote.Done, 0},
		"success without a body":               {204, "", "", true, remote.Done, 0},
		"accepted":                             {202, "", "", true, remote.Done, 0},
		"redirected":                           {302, "", "", true, remote.Stop, 0},
		"refused for a row":                    {422, "", `{"error":"INVALID_VALUE_FOR_COLUMN"}`, true, remote.RowRefused, 0},
		"refused for a row, less precisely":    {400, "", "", true, remote.RowRefused, 0},
		"refused for its size, though by 400":  {400, "", `{"error":"Payload Too Large"}`, true, remote.Halve, 0},
		"a row that exists":                    {409, "", "", true, remote.RowRefused, 0},
		"no credentials":                       {401, "", "", true, remote.Stop, 0},
		"unpaid":                               {402, "", "", true, remote.Stop, 0},
		"no right":                             {403, "", "", true, remote.Stop, 0},
		"no right for now":                     {403, "60", "", true, remote.Retry, time.Minute},
		"not found":                            {404, "", "", true, remote.Stop, 0},
		"gone":                                 {410, "", "", true, remote.Stop, 0},
		"too large":                            {413, "", "", true, remote.Halve, 0},
		"too long":                             {414, "", "", true, remote.Halve, 0},
		"the service waited for the request":   {408, "", "", true, remote.Retry, 0},
		"too often":                            {429, "", "", true, remote.Retry, 0},
		"too often, for seconds":               {429, "30", "", true, remote.Retry, 30 * time.Second},
		"too often, for a part of a second":    {429, "0.5", "", true, remote.Retry, 500 * time.Millisecond},
		"too often, until a date":              {429, "Fri, 27 Nov 2026 08:01:30 GMT", "", true, remote.Retry, 90 * time.Second},
		"too often, until a date in the past":  {429, "Fri, 27 Nov 2026 07:01:30 GMT", "", true, remote.Retry, 0},
		"too often, forever":                   {429, "99999999999999", "", true, remote.Retry, 24 * time.Hour},
		"too often, for a negative time":       {429, "-5", "", true, remote.Retry, 0},
		"too often, for NaN":                   {429, "NaN", "", true, remote.Retry, 0},
		"too often, unreadable":                {429, "soon", "", true, remote.Retry, 0},
		"the service failed":                   {500, "", "", true, remote.Retry, 0},
		"the service is down":                  {503, "120", "", true, remote.Retry, 2 * time.Minute},
		"not implemented":                      {501, "", "", true, remote.Stop, 0},
		"a proxy lost the answer":              {502, "", "", true, remote.Doubt, 0},
		"a proxy timed out":                    {504, "", "", true, remote.Doubt, 0},
		"Cloudflare timed out":                 {524, "", "", true, remote.Doubt, 0},
		"Cloudflare did not reach the service": {521, "", "", true, remote.Retry, 0},
		"too many at once":                     {529, "", "", true, remote.Retry, 0},
		"another refusal":                      {418, "", "", true, remote.Stop, 0},
		"an unknown status":                    {150, "", "", true, remote.Doubt, 0},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Date": {"Fri, 27 Nov 2026 08:00:00 GMT"}}
			if test.header != "" {
				header.Set("Retry-After", test.header)
			}
			got := remote.Judge(test.status, header, []byte(test.body), test.sent)
			if want := (remote.Next{Do: test.want, After: test.after}); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	// Without the service's clock a date cannot be trusted.
	if got := remote.Judge(429, http.Header{"Retry-After": {"Fri, 27 Nov 2026 08:01:30 GMT"}}, nil, true); got != (remote.Next{Do: remote.Retry}) {
		t.Errorf("got %v", got)
	}
}

// The answers of OpenFn's Lightning.
func TestD08LightningsStatuses(t *testing.T) {
	for status, want := range map[int]remote.Verb{401: remote.Stop, 404: remote.Stop, 413: remote.Halve, 503: remote.Retry} {
		if got := remote.Judge(status, http.Header{"Retry-After": {"7"}}, nil, true); got.Do != want || want == remote.Retry && got.After != 7*time.Second {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
}

func TestR07SlacksStatuses(t *testing.T) {
	for status, want := range map[int]remote.Verb{
		200: remote.Done, 400: remote.Stop, 403: remote.Stop, 404: remote.Stop, 410: remote.Stop, 429: remote.Retry, 500: remote.Retry,
	} {
		if got := remote.Slack.Judge(status, http.Header{"Retry-After": {"1"}}, []byte("no_text"), true); got.Do != want || want == remote.Retry && got.After != time.Second {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
}
