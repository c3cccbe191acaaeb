package job_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

func TestAnObjectIsARecord(t *testing.T) {
	t.Parallel()
	from := job.From{Key: []string{"a", "b"}, Watermark: "at", Deleted: "gone"}
	truthy := from
	truthy.Truthy = true
	for _, c := range []struct {
		from job.From
		data string
		want record.Record
	}{
		{from, `{"a":1,"b":"x","at":"2024"}`, record.Record{Key: "1,x", Mark: "2024"}},
		{from, `{"a":0,"b":"","at":9007199254740993}`, record.Record{Key: "0,", Mark: "9007199254740993"}},
		{from, `{"a":1,"b":2,"gone":0}`, record.Record{Key: "1,2", Deleted: true}},
		{from, `{"a":1,"b":2,"gone":null}`, record.Record{Key: "1,2"}},
		{truthy, `{"a":1,"b":2,"gone":0}`, record.Record{Key: "1,2"}},
		{truthy, `{"a":1,"b":2,"gone":"yes"}`, record.Record{Key: "1,2", Deleted: true}},
		{from, `{"a":1}`, record.Record{Bad: "a, b: has no key"}},
		{from, `[]`, record.Record{Bad: "is not a JSON object"}},
		{from, `{"a":1,"b":2,"at":` + strings.Repeat("1", 1001) + `}`, record.Record{Key: "1,2", Bad: "at: has more than 1000 bytes"}},
		{job.From{}, `{}`, record.Record{}},
	} {
		c.want.Data = nil
		got := *c.from.Record([]byte(c.data))
		got.Data = nil
		if got.Key != c.want.Key || got.Mark != c.want.Mark || got.Deleted != c.want.Deleted || got.Bad != c.want.Bad {
			t.Errorf("%s is %+v, want %+v", c.data, got, c.want)
		}
	}
}

// A row may have many MB, but a job needs only its key.
func TestARecordReadsNoMoreOfARowThanItNeeds(t *testing.T) {
	data := []byte(`{"id":7,"raw":{"type":"Buffer","data":[` + strings.Repeat("255,", 100_000) + `0]},"at":"2024-01-02"}`)
	from := job.From{Key: []string{"id"}, Watermark: "at"}
	allocations := testing.AllocsPerRun(1, func() {
		if r := from.Record(data); r.Key != "7" || r.Mark != "2024-01-02" || r.Bad != "" {
			t.Errorf("%+v", r)
		}
	})
	if allocations > 200 {
		t.Errorf("%.0f allocations", allocations)
	}
}
