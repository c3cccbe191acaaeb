package job

import (
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// mostMark is how many bytes a watermark's value may have. Longer ones are no times, numbers or versions.
const mostMark = 1000

// Record makes a record of a JSON object, such as one from a service: the job names the columns that have its key, its
// mark, and whether it is deleted. A row without its key is Bad.
func (f *From) Record(data []byte) *record.Record {
	rec := &record.Record{Data: data}
	object, err := record.Columns(data, append([]string{f.Deleted, f.Watermark}, f.Key...)...) // the others may be large
	if err != nil {
		rec.Bad = err.Error()
		return rec
	}
	if len(f.Key) > 0 {
		parts := make([]any, len(f.Key))
		for i, name := range f.Key {
			parts[i] = object[name]
		}
		if rec.Key, err = record.Key(parts, f.IgnoreCase); err != nil {
			rec.Bad = fmt.Sprintf("%s: %v", strings.Join(f.Key, ", "), err)
		}
	}
	if v := object[f.Deleted]; f.Deleted != "" && v != nil {
		rec.Deleted = !f.Truthy || v != "" && v != false && fmt.Sprint(v) != "0"
	}
	if v := object[f.Watermark]; f.Watermark != "" && v != nil {
		if rec.Mark = fmt.Sprint(v); len(rec.Mark) > mostMark {
			rec.Mark, rec.Bad = "", fmt.Sprintf("%s: has more than %d bytes", f.Watermark, mostMark)
		}
	}
	return rec
}
