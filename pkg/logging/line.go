package logging

import (
	"encoding/json"
	"time"
)

// Line is a line of the log.
type Line struct {
	Time    time.Time       `json:"time"`
	Level   string          `json:"level"` // error, warn, info, debug
	Logger  string          `json:"logger,omitempty"`
	Message string          `json:"message"`
	Fields  json.RawMessage `json:"fields,omitempty"` // an object
}
