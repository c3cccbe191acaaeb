package openfn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// event is a form submission of DataCollect.
type event struct {
	GUID       string          `json:"guid"`
	EntityGUID string          `json:"entityGuid"`
	Type       string          `json:"type"`
	Data       json.RawMessage `json:"data"`
	Timestamp  string          `json:"timestamp"`
	UserID     string          `json:"userId"`
	SyncLevel  int             `json:"syncLevel"`
}

// The sync levels of DataCollect: how far an event has got.
const (
	levelRemote   = 1
	levelExternal = 2 // external
)

// errNotSent means that an event is not for a webhook.
var errNotSent = errors.New("is not sent")

// form says how rows become events.
type form struct {
	events bool // they are events already
	user   string
	now    func() time.Time
}

// event returns what to send for an operation. The error is errNotSent, or why the row is not an event.
func (f *form) event(o *job.Operation) (event, error) {
	e := event{GUID: o.Event, EntityGUID: o.Key, Type: string(o.Kind), Data: o.Data, Timestamp: record.Time(f.now()), UserID: f.user, SyncLevel: levelRemote}
	if e.EntityGUID == "" {
		e.EntityGUID = e.GUID
	}
	switch {
	case !f.events:
		if e.Data == nil {
			e.Data = json.RawMessage("{}")
		}
		return e, nil
	case o.Kind == job.Delete: // events are never undone
		return e, errNotSent
	}
	members, err := record.Members(o.Data)
	if err != nil {
		return e, err
	}
	e.Type, e.Data = "", nil
	for _, m := range members {
		if err := e.set(m.Name, m.Value); err != nil {
			return e, fmt.Errorf("its column %s %w", m.Name, err)
		}
	}
	switch {
	case e.SyncLevel == levelExternal:
		return e, errNotSent // Promise 9
	case e.Type == "" || e.Data == nil:
		return e, errors.New("it is not an event: it has no type or no data")
	}
	return e, nil
}

// set fills in a field of the event from the column of that name, possibly prefixed as in entity_guid.
func (e *event) set(column string, value json.RawMessage) error {
	if bytes.Equal(value, []byte("null")) {
		return nil
	}
	var into any
	switch strings.ToLower(strings.ReplaceAll(column, "_", "")) {
	case "guid":
		into = &e.GUID
	case "entityguid":
		into = &e.EntityGUID
	case "type":
		into = &e.Type
	case "timestamp":
		into = &e.Timestamp
	case "userid":
		into = &e.UserID
	case "synclevel":
		into = &e.SyncLevel
	case "data":
		return e.setData(value)
	default:
		return nil // such as the row's own number
	}
	if json.Unmarshal(value, into) != nil {
		return errors.New("has another type than an event's")
	}
	return nil
}

// setData fills in the data, which a database may have as text.
func (e *event) setData(value json.RawMessage) error {
	var text string
	if json.Unmarshal(value, &text) == nil {
		value = json.RawMessage(text)
	}
	if !json.Valid(value) {
		return errors.New("is not JSON")
	}
	e.Data = value
	return nil
}
