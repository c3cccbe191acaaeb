package standin

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SlackPath is the secret path of the one webhook of a Slack.
const SlackPath = "/services/T0AAAAAAA/B0BBBBBBB/CcDdEeFfGgHhIiJjKkLlMmNn"

// Slack plays incoming webhooks: a message is one POST of JSON with a text, answered with "ok".
// More than one a second is refused, except for a short burst of two. Source:
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
type Slack struct {
	server

	data  sync.Mutex
	texts []string
	times []time.Time
}

// NewSlack starts a Slack with one webhook, at SlackPath.
func NewSlack() *Slack {
	s := &Slack{}
	s.begin(s.serve)
	return s
}

// Webhook returns the webhook's URL.
func (s *Slack) Webhook() string { return s.URL + SlackPath }

// Texts returns the messages, the oldest first.
func (s *Slack) Texts() []string {
	s.data.Lock()
	defer s.data.Unlock()
	return append([]string(nil), s.texts...)
}

// says answers as Slack does: in plain text.
func says(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client may be gone
}

func (s *Slack) serve(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Text string `json:"text"`
	}
	text, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return // the client is gone
	case r.URL.Path != SlackPath:
		says(w, http.StatusNotFound, "no_service")
		return
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(text, &m) != nil:
		says(w, http.StatusBadRequest, "invalid_payload")
		return
	case strings.TrimSpace(m.Text) == "":
		says(w, http.StatusBadRequest, "no_text")
		return
	case len([]rune(m.Text)) > 4000 || strings.ContainsAny(m.Text, "<>"):
		says(w, http.StatusBadRequest, "invalid_payload")
		return
	}
	s.data.Lock()
	defer s.data.Unlock()
	now := time.Now()
	if n := len(s.times); n > 1 && now.Sub(s.times[n-2]) < time.Second {
		w.Header().Set("Retry-After", "1")
		says(w, http.StatusTooManyRequests, "rate_limited")
		return
	}
	s.texts, s.times = append(s.texts, m.Text), append(s.times, now)
	says(w, http.StatusOK, "ok")
}
