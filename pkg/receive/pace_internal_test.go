package receive

import (
	"errors"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
)

func TestASenderWithRefusedRowsGetsSmallTurns(t *testing.T) {
	var p pace
	results := make([]apply.Result, roundRows)
	if p.rows() != turnFirst {
		t.Errorf("%d rows at first", p.rows())
	}
	for range 4 {
		p.went(time.Minute, results)
	}
	if p.rows() != roundRows {
		t.Errorf("%d rows, though none was refused", p.rows())
	}
	results[7].Err = errors.New("refused")
	p.went(10*turnTime, results)
	if p.rows() != roundRows/10 {
		t.Errorf("%d rows after a turn ten times too long", p.rows())
	}
	p.went(time.Hour, results[:p.rows()])
	if p.rows() != turnLeast {
		t.Errorf("%d rows after an hour", p.rows())
	}
	for range 10 {
		p.went(time.Millisecond, nil)
	}
	if p.rows() != roundRows {
		t.Errorf("%d rows after turns in which none was refused", p.rows())
	}
}

func TestALargeLoadIsAppliedInTurns(t *testing.T) {
	x := &load{changes: make([]apply.Incoming, 2*roundRows+1), rows: 2*roundRows + 4}
	l := &lane{r: &Receiver{ready: make(chan turn)}}
	x.lane = l
	for range 4 {
		l.pace.went(time.Millisecond, nil)
	}
	go l.hand(t.Context(), x)
	for i, want := range []int{roundRows, roundRows, 4} { // with three rows refused at once
		got := <-l.r.ready
		if rows, _ := got.size(); rows != want || got.last() != (i == 2) {
			t.Errorf("turn %d has %d rows, want %d; the last: %v", i, rows, want, got.last())
		}
	}
}
