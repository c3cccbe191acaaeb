package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/logging"
)

func TestTheLevelCanChangeWhileLoggersAreInUse(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logging.New(&out)
	named := l.Named("outbound").With(zap.String("remote", "hamburg"))
	named.Debug("one")
	if err := l.SetLevel("debug"); err != nil {
		t.Fatal(err)
	}
	named.Debug("two")
	if err := l.SetLevel("error"); err != nil {
		t.Fatal(err)
	}
	named.Warn("three")
	if err := l.SetLevel("loud"); err == nil || l.Level() != "error" {
		t.Errorf("an unknown level: %v, and the level is %s", err, l.Level())
	}
	if got := out.String(); strings.Contains(got, "one") || !strings.Contains(got, "DEBUG\toutbound\ttwo\t{\"remote\": \"hamburg\"}") || strings.Contains(got, "three") {
		t.Errorf("logged %s", got)
	}
	if got := l.Last(); len(got) != 1 || got[0].Message != "two" || got[0].Level != "debug" || got[0].Logger != "outbound" || string(got[0].Fields) != `{"remote":"hamburg"}` {
		t.Errorf("kept %+v", got)
	}
}

func TestTheFormatCanChangeWhileLoggersAreInUse(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logging.New(&out)
	named := l.With(zap.Int("n", 1))
	if err := l.SetFormat(logging.JSON); err != nil {
		t.Fatal(err)
	}
	named.Info("one", zap.Duration("after", 1500*time.Millisecond))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "one" || line["n"] != 1.0 || line["level"] != "info" || line["after"] != 1.5 {
		t.Errorf("%v: the line is %s", err, out.String())
	}
	if err := l.SetFormat("xml"); err == nil {
		t.Error("an unknown format is accepted")
	}
	if got := l.Last(); len(got) != 1 || string(got[0].Fields) != `{"n":1,"after":"1.5s"}` {
		t.Errorf("kept %+v", got)
	}
}

func TestKeptLinesAreBounded(t *testing.T) {
	t.Parallel()
	l := logging.New(&bytes.Buffer{})
	for i := range 1234 {
		l.Info(fmt.Sprint(i))
	}
	l.Info(strings.Repeat("ä", 5000), zap.String("value", strings.Repeat("x", 1<<20)))
	got := l.Last()
	if len(got) != 500 || got[0].Message != "735" || got[498].Message != "1233" {
		t.Fatalf("%d lines are kept, from %.20s to %.20s", len(got), got[0].Message, got[len(got)-1].Message)
	}
	last := got[499]
	if len(last.Message) > 2<<10 || len(last.Fields) > 8<<10 || !strings.HasSuffix(last.Message, "ä…") || !json.Valid(last.Fields) {
		t.Errorf("%d and %d bytes of the long line are kept: %.40q", len(last.Message), len(last.Fields), last.Message)
	}
}

func TestReadersFollowAndSlowOnesMissLines(t *testing.T) {
	t.Parallel()
	l := logging.New(&bytes.Buffer{})
	l.Info("before")
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan logging.Line)
	done := make(chan error)
	go func() {
		done <- l.Follow(ctx, func(x logging.Line) error { heard <- x; return nil })
	}()
	first := func() logging.Line { // when it begins to follow is unknown
		for {
			l.Info("line")
			select {
			case x := <-heard:
				return x
			case <-time.After(time.Millisecond):
			}
		}
	}()
	if first.Message != "line" {
		t.Errorf("heard %q", first.Message)
	}
	for range 10_000 { // nobody reads: nothing waits
		l.Info("line")
	}
	cancel()
	for {
		select {
		case <-heard:
			continue
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Follow = %v", err)
			}
			return
		}
	}
}
