package transform

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// killing is a task for a row.
func killing(source, id string) *task {
	return &task{Call: Call{Table: "orders", ID: id, Source: source, Entity: value.Entity{{Name: "id", Value: id}}}}
}

func TestARowThatEndsItsProcessGetsGrowingPauses(t *testing.T) {
	var k killers
	now, dead := time.Unix(1e9, 0), errors.New("ended its process")
	row := killing("hq", "1")
	if err := k.refuse(now, row); err != nil {
		t.Fatal(err)
	}
	for i, pause := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600} {
		if times, _ := k.ended(now, row, dead); times != i+1 {
			t.Errorf("it ended the process %d times, want %d", times, i+1)
		}
		now = now.Add(time.Duration(pause)*time.Second - 1)
		if err := k.refuse(now, row); !errors.Is(err, dead) {
			t.Errorf("before the end of pause %d: %v", i, err)
		}
		now = now.Add(1)
		if err := k.refuse(now, row); err != nil {
			t.Errorf("after pause %d: %v", i, err)
		}
	}
	// Other rows are not held up, nor is the row once its value has changed, nor its delete.
	k.ended(now, row, dead)
	mended, gone, apart := killing("hq", "1"), killing("hq", "1"), killing("branch", "1")
	mended.Entity[0].Value = "2"
	gone.Entity, gone.kind = nil, remove
	for _, other := range []*task{killing("hq", "2"), mended, gone, apart} {
		if err := k.refuse(now, other); err != nil {
			t.Errorf("%+v: %v", other, err)
		}
	}
}

func TestAClientWithManySuchRowsIsPaused(t *testing.T) {
	var k killers
	now, dead := time.Unix(1e9, 0), errors.New("ended its process")
	told := 0
	for i := range 5 * killersMost {
		_, tell := k.ended(now, killing("evil", fmt.Sprint(i)), dead)
		told += tell
		if rests := k.rests(now, killing("evil", "new")) != nil; rests != (i >= endsFree) {
			t.Fatalf("after %d rows it pauses: %v", i+1, rests)
		}
	}
	if told != 1 {
		t.Errorf("%d ends are reported within a minute", told)
	}
	if len(k.rows) != killersMost {
		t.Errorf("%d rows are remembered", len(k.rows))
	}
	if err := k.refuse(now, killing("hq", "new")); err != nil {
		t.Errorf("another client: %v", err)
	}
	if err := k.refuse(now, killing("evil", "new")); !Transient(err) {
		t.Errorf("its rows are not sent again: %v", err)
	}
	if err := k.refuse(now.Add(restMost), killing("evil", "new")); err != nil {
		t.Errorf("after the longest pause: %v", err)
	}
	now = now.Add(endsForgo)
	if _, tell := k.ended(now, killing("evil", "again"), dead); tell != 5*killersMost {
		t.Errorf("%d ends are reported a minute later", tell)
	}
	if err := k.rests(now, killing("evil", "new")); err != nil {
		t.Errorf("after a minute without ends: %v", err)
	}
}
