package alert

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/mysql-sync/mysql-sync/pkg/backup"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// message is an alert as sent to a target, without secrets.
type message struct {
	id  string // the same each time it is sent
	who Who
	ledger.Alert
}

// longest is how many characters of a reason are sent. Slack truncates at 40,000 and recommends 4,000.
const longest = 2000

// message returns an alert's message. life is the state's: in another life, ids of alerts start anew.
func (a *Alerts) message(life string, l ledger.Alert) message {
	l.Text = line(a.hide.Text(l.Text))
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte(life+" alert "+strconv.FormatInt(l.ID, 10)+" "+strconv.FormatBool(l.Over)))
	return message{id.String(), a.who, l}
}

// line returns the start of a text on one line.
func line(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// title says what is wrong in a few words.
func (m *message) title() string {
	switch m.Rule {
	case Failed:
		return "Job " + m.Subject + " failed"
	case NoSuccess:
		return "Job " + m.Subject + " has not succeeded in time"
	case Refused:
		return "Rows of job " + m.Subject + " are refused"
	case Guard:
		return "Job " + m.Subject + " waits for approval"
	case Offline:
		return "Client " + m.Subject + " is offline"
	case State:
		return "The state of " + m.Subject + " cannot be written"
	case backup.Rule:
		return "The backup of " + m.Subject + " is late"
	}
	return m.Rule + " of " + m.Subject
}

// text returns the message for people.
func (m *message) text() string {
	if m.Over {
		return fmt.Sprintf("Over: %s. It lasted %s.", m.title(), m.OverAt.Sub(m.Since).Round(time.Second))
	}
	return m.title() + ": " + m.Text
}

// slackEscape escapes the characters that start Slack's markup, so that nothing in a message mentions anyone or links
// anywhere. Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackBody returns the message for Slack.
func slackBody(m *message) any {
	mark := ":red_circle:"
	if m.Over {
		mark = ":large_green_circle:"
	}
	text := slackEscape.Replace(line(m.who.Name) + ": " + m.text())
	return map[string]any{"text": mark + " " + text, "unfurl_links": false, "unfurl_media": false}
}

// webhookBody returns the message for programs.
func webhookBody(m *message) any {
	body := map[string]any{
		"id": m.id, "rule": m.Rule, "subject": m.Subject, "state": "open", "since": m.Since.UTC().Format(time.RFC3339), "message": m.text(), "connector": m.who,
	}
	if m.Over {
		body["state"], body["over"] = "over", m.OverAt.UTC().Format(time.RFC3339)
	}
	return body
}

// pathOf returns the secret part of an address; "" if it has none.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || len(u.Path) < 8 {
		return ""
	}
	return u.Path
}
