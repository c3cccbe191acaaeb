package standin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Receiver plays the endpoint of a webhook: it accepts each event once, and stores the rows. An unsigned event, or one
// without an Idempotency-Key, is refused. Source:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type Receiver struct {
	server
	Secret string // of the signatures; "": not checked

	data   sync.Mutex
	seen   map[string]bool // by the ids of events
	rows   map[string]string
	events int
}

// NewReceiver starts an empty endpoint.
func NewReceiver(secret string) *Receiver {
	r := &Receiver{Secret: secret, seen: map[string]bool{}, rows: map[string]string{}}
	r.begin(r.serve)
	return r
}

// Rows returns its rows by key: "1", or "1/a" for two columns in the order of their names.
func (c *Receiver) Rows() map[string]string {
	c.data.Lock()
	defer c.data.Unlock()
	return maps.Clone(c.rows)
}

// Events returns how many events it has accepted, each counted once.
func (c *Receiver) Events() int {
	c.data.Lock()
	defer c.data.Unlock()
	return c.events
}

// Carry executes a request whose answer a fault withholds.
func (c *Receiver) Carry(w http.ResponseWriter, r *http.Request) { c.serve(w, r) }

// receiverEvent is a state of a row.
type receiverEvent struct {
	ID   string            `json:"id"`
	Kind string            `json:"kind"`
	Key  map[string]string `json:"key"`
	Row  json.RawMessage   `json:"row"`
}

func (c *Receiver) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	var one receiverEvent
	var several struct {
		Events []receiverEvent `json:"events"`
	}
	switch {
	case len(r.Header.Get("Idempotency-Key")) != 36:
		refuse(w, http.StatusBadRequest, "there is no Idempotency-Key that is a UUID")
		return
	case c.Secret != "" && !c.signed(r.Header, body):
		refuse(w, http.StatusUnauthorized, "the signature is wrong")
		return
	case r.Header.Get("Content-Type") != "application/json":
		refuse(w, http.StatusUnsupportedMediaType, "the body is not JSON")
		return
	case json.Unmarshal(body, &several) == nil && several.Events != nil:
	case json.Unmarshal(body, &one) == nil && one.ID == r.Header.Get("Idempotency-Key") && (one.Kind == "delete") == (r.Method == http.MethodDelete):
		several.Events = []receiverEvent{one}
	default:
		refuse(w, http.StatusUnprocessableEntity, "the body is not an event, or does not fit the method")
		return
	}
	c.data.Lock()
	defer c.data.Unlock()
	for i := range several.Events {
		c.take(&several.Events[i])
	}
	w.WriteHeader(http.StatusNoContent)
}

// take stores an event unless it has seen it before.
func (c *Receiver) take(e *receiverEvent) {
	if c.seen[e.ID] {
		return
	}
	c.seen[e.ID] = true
	c.events++
	key := joined(e.Key)
	if e.Key == nil {
		key = strconv.Itoa(c.events)
	}
	if e.Kind == "delete" {
		delete(c.rows, key)
		return
	}
	c.rows[key] = string(e.Row)
}

// joined returns the values in the order of their names.
func joined(key map[string]string) string {
	var values []string
	for _, name := range slices.Sorted(maps.Keys(key)) {
		values = append(values, key[name])
	}
	return strings.Join(values, "/")
}

// signed reports whether a request was recently signed with the secret.
func (c *Receiver) signed(h http.Header, body []byte) bool {
	at, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute || h.Get("Webhook-Id") != h.Get("Idempotency-Key") {
		return false
	}
	mac := hmac.New(sha256.New, []byte(c.Secret))
	fmt.Fprintf(mac, "%s.%d.%s", h.Get("Webhook-Id"), at, body)
	return h.Get("Webhook-Signature") == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
