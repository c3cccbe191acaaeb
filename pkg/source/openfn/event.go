package openfn

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// event is a form submission of DataCollect, as a row.
type event struct {
	GUID       string          `json:"guid"`
	EntityGUID string          `json:"entityGuid"`
	Type       string          `json:"type"`
	Data       json.RawMessage `json:"data"`
	Timestamp  *string         `json:"timestamp"`
	UserID     string          `json:"userId"`
	SyncLevel  int             `json:"syncLevel"`

	at  time.Time
	bad string // why it is not an event
}

// levelExternal is the sync level of external events.
const levelExternal = 2

// eventOf turns an item into an event: any object becomes one of type external-pull, as in DataCollect, and an event
// stays one.
func eventOf(host string, item json.RawMessage) *event {
	object, err := record.Object(item)
	if err != nil {
		return &event{bad: err.Error()}
	}
	text := func(name string) string {
		switch v := object[name].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
		return ""
	}
	e := &event{
		GUID: text("guid"), EntityGUID: text("entityGuid"), Type: text("type"), UserID: text("userId"), SyncLevel: levelExternal,
	}
	if object["timestamp"] != nil {
		at := text("timestamp")
		if e.at, err = moment(at); err != nil {
			return &event{bad: fmt.Sprintf("has the timestamp %q, which is not a valid time", at)}
		}
		e.Timestamp = &at
	}
	data, isEvent := object["data"].(map[string]any)
	if e.GUID != "" && e.Type != "" && isEvent {
		e.Data, err = json.Marshal(data)
	} else {
		e.Type, e.EntityGUID = "external-pull", text("id")
		e.Data, err = json.Marshal(object) // in one form, however the server formats it
		e.GUID = uuid.NewSHA1(uuid.NameSpaceURL, append([]byte(host+"\n"), e.Data...)).String()
	}
	if err != nil {
		return &event{bad: err.Error()}
	}
	if e.EntityGUID == "" {
		e.EntityGUID = e.GUID
	}
	if e.UserID == "" {
		e.UserID = "external-system"
	}
	return e
}

// moment reads a timestamp: text, or milliseconds since 1970.
func moment(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	var ms int64
	if err := json.Unmarshal([]byte(text), &ms); err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(ms), nil
}
