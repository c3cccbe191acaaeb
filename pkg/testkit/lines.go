package testkit

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"
)

// lines gathers a child's output line by line. Its methods may be called from several goroutines.
type lines struct {
	mu      sync.Mutex
	partial []byte
	whole   []string
	ended   bool
	news    chan struct{} // closed and replaced when something arrives
}

func newLines() *lines { return &lines{news: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			break
		}
		l.whole = append(l.whole, string(line))
		l.partial = rest
	}
	l.tell()
	return len(p), nil
}

// close marks the end of the output; an unfinished line counts as a line.
func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.whole = append(l.whole, string(l.partial))
	}
	l.ended = true
	l.tell()
}

func (l *lines) tell() {
	close(l.news)
	l.news = make(chan struct{})
}

// all returns a copy of the lines so far.
func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.whole)
}

// wait returns the first matching line. It gives up at the end of the output, or after limit.
func (l *lines) wait(pattern *regexp.Regexp, limit time.Duration) (string, error) {
	deadline := time.After(limit)
	for seen := 0; ; {
		l.mu.Lock()
		fresh, ended, news := l.whole[seen:], l.ended, l.news
		l.mu.Unlock()
		if i := slices.IndexFunc(fresh, pattern.MatchString); i >= 0 {
			return fresh[i], nil
		}
		if ended {
			return "", errEnded
		}
		seen += len(fresh)
		select {
		case <-news:
		case <-deadline:
			return "", fmt.Errorf("not within %v", limit)
		}
	}
}
