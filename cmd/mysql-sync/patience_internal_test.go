package main

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/join"
)

// A join gives up when the hub itself has been silent for too long, whatever others send, and then says what may be wrong.
func TestOnlyTheHubsAnswersCount(t *testing.T) {
	begun := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	p := patience{heard: begun}
	for range 3 {
		p.forged([]byte("garbage"), io.Discard)
	}
	if p.over(begun.Add(59*time.Second)) || !p.over(begun.Add(61*time.Second)) {
		t.Error("without an answer it does not give up after a minute")
	}
	if !errors.Is(p.reason(), errSilent) {
		t.Errorf("got %v", p.reason())
	}
	p.forged(join.UnknownInTheClear, io.Discard)
	if !errors.Is(p.reason(), join.Unknown) {
		t.Errorf("got %v", p.reason())
	}
	p.heard, p.person = begun.Add(time.Hour), true
	if p.over(begun.Add(time.Hour+9*time.Minute)) || !p.over(begun.Add(time.Hour+11*time.Minute)) {
		t.Error("a hub that is restarted while a person decides ends the join, or one that is gone does not")
	}
}
