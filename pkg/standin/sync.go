package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// SyncEvent is an event that a sync server received.
type SyncEvent struct {
	GUID       string          `json:"guid"`
	EntityGUID string          `json:"entityGuid"`
	Type       string          `json:"type"`
	Data       json.RawMessage `json:"data"`
	Timestamp  string          `json:"timestamp"`
	UserID     string          `json:"userId"`
	SyncLevel  *int            `json:"syncLevel"`
}

// Sync plays the server that DataCollect's External Sync talks to: an OpenFn webhook with its
// rules, or DataCollect's mock sync server. It accepts events and serves the items it was given.
// Source: recorded requests of DataCollect's server, and for the answers
// https://docs.openfn.org/documentation/build/triggers and Lightning's WebhooksController.
type Sync struct {
	server
	List     string // the name of the list of events: entities for OpenFn, data for the mock
	Key      string // X-Api-Key; "": none required
	MaxBytes int    // 10 MB

	data   sync.Mutex
	events []SyncEvent // each once
	gives  []json.RawMessage
}

// NewSync starts an empty server.
func NewSync(list, key string) *Sync {
	s := &Sync{List: list, Key: key, MaxBytes: 10_000_000}
	s.begin(s.serve)
	return s
}

// Give makes it serve items from now on.
func (s *Sync) Give(items ...string) {
	s.data.Lock()
	defer s.data.Unlock()
	for _, i := range items {
		s.gives = append(s.gives, json.RawMessage(i))
	}
}

// Events returns the events received, each once.
func (s *Sync) Events() []SyncEvent {
	s.data.Lock()
	defer s.data.Unlock()
	return slices.Clone(s.events)
}

// Carry executes a request whose answer a fault withholds.
func (s *Sync) Carry(w http.ResponseWriter, r *http.Request) { s.serve(w, r) }

func (s *Sync) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	key := r.Header.Get("X-Api-Key")
	switch {
	case err != nil: // the client is gone
	case s.Key != "" && key == "":
		refuse(w, http.StatusUnauthorized, "Unauthorized")
	case s.Key != "" && key != s.Key:
		refuse(w, http.StatusNotFound, "Webhook not found")
	case len(body) > s.MaxBytes:
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	case r.Method == http.MethodGet:
		s.give(w, r.URL.Query().Get("since"))
	case r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/json":
		s.take(w, body)
	default:
		refuse(w, http.StatusBadRequest, "neither a GET nor a POST of JSON")
	}
}

// take accepts the events of a request, or none of them.
func (s *Sync) take(w http.ResponseWriter, body []byte) {
	var lists map[string][]SyncEvent
	if err := json.Unmarshal(body, &lists); err != nil || len(lists) != 1 || len(lists[s.List]) == 0 {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("the body is not just a list %q of events: %v", s.List, err))
		return
	}
	for _, e := range lists[s.List] {
		if _, err := time.Parse(time.RFC3339, e.Timestamp); err != nil || e.GUID == "" || e.EntityGUID == "" || e.Type == "" || e.Data == nil || e.UserID == "" || e.SyncLevel == nil {
			refuse(w, http.StatusUnprocessableEntity, "an event lacks the field "+e.GUID)
			return
		}
	}
	s.data.Lock()
	defer s.data.Unlock()
	for _, e := range lists[s.List] {
		if !slices.ContainsFunc(s.events, func(had SyncEvent) bool { return had.GUID == e.GUID }) {
			s.events = append(s.events, e)
		}
	}
	answer(w, http.StatusOK, map[string]any{"work_order_id": fmt.Sprint(len(s.events))})
}

// give serves the items newer than a time.
func (s *Sync) give(w http.ResponseWriter, since string) {
	s.data.Lock()
	defer s.data.Unlock()
	list := []json.RawMessage{}
	for _, item := range s.gives {
		var at struct {
			Timestamp string `json:"timestamp"`
		}
		if json.Unmarshal(item, &at) != nil || since == "" || at.Timestamp == "" || at.Timestamp >= since {
			list = append(list, item)
		}
	}
	answer(w, http.StatusOK, list)
}
