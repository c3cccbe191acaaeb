package transform

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// roomRows is how many rows of Config.MaxRow the results of one run may hold beyond what the scripts were given.
// Promise 10.
const roomRows = 4

// fieldBytes is what a field takes besides its name and its value's bytes.
const fieldBytes = 32

// sizeOf returns roughly how many bytes an entity takes.
func sizeOf(e value.Entity) int {
	size := len(e) * fieldBytes
	for _, f := range e {
		size += len(f.Name)
		switch v := f.Value.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		case json.RawMessage:
			size += len(v)
		}
	}
	return size
}

// sizeOf returns the size of a task's rows.
func (t *task) sizeOf() int {
	return sizeOf(t.Entity) + sizeOf(t.conflict.Local.Entity) + sizeOf(t.conflict.Incoming.Entity)
}

// room returns how many bytes the results of tasks may take before no more are wanted.
func (c *Config) room(tasks []task) int {
	if c.MaxRow == 0 {
		return math.MaxInt
	}
	room := roomRows * c.MaxRow
	for i := range tasks {
		room += tasks[i].sizeOf()
	}
	return room
}

// fit returns the size of a task's result in bytes, and turns it into an error if it is larger than both the row limit
// and what the script was given.
func (c *Config) fit(file string, t *task, r *Result) int {
	size := sizeOf(r.Entity)
	if c.MaxRow == 0 || size <= max(c.MaxRow, t.sizeOf()) {
		return size
	}
	*r = Result{Err: located(file, fmt.Errorf("made a row of %d bytes, more than %d (maxRowBytes)", size, c.MaxRow))}
	return 0
}
