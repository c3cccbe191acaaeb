package profile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Bounds of a File, in bytes: with a reason of any length, it could not be read again. Promise 10.
const (
	mostFile = 4 * MostBytes
	mostWhy  = 2000 // of a reason
	mostPast = 8    // entries of Past
)

// File is where a site remembers what it had from its hub. Its methods must not be called at the same time.
type File struct {
	Path string
	From string // of which hub, profile and key
}

// Memory is what a File has.
type Memory struct {
	From     string   `json:"from"`
	Accepted []byte   `json:"accepted,omitempty"` // the signed document in use
	Seen     Seen     `json:"seen,omitzero"`      // the highest version that was tried
	Refused  *Refused `json:"refused,omitempty"`  // nil: the highest version is in use
	Before   *Memory  `json:"before,omitempty"`   // of another hub, profile or key; its document is in use until one is accepted; nil: none
	// Past has the highest versions that were tried of other hubs, profiles and keys: one that is back can replay nothing. Promise 8.
	Past map[string]Seen `json:"past,omitempty"`
}

// Seen identifies a document.
type Seen struct {
	Version Version `json:"version"`
	Digest  []byte  `json:"digest"`
}

// Refused is why a version is not in use.
type Refused struct {
	Version Version   `json:"version"`
	Why     string    `json:"why"`
	Tries   int       `json:"tries"`
	Due     time.Time `json:"due,omitzero"` // when to try again; zero: at once
}

// Read returns what the file has; nothing if there is none. What it has of another hub, profile or key is Before.
func (f File) Read() (m Memory, err error) {
	text, err := readAtMost(f.Path, mostFile)
	if errors.Is(err, os.ErrNotExist) {
		return Memory{From: f.From}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return Memory{}, fmt.Errorf("read the configuration that came from the hub: %s: %w", f.Path, err)
	}
	if m.From == f.From {
		return m, nil
	}
	before := m.Before
	if m.Accepted != nil {
		before = &Memory{From: m.From, Accepted: m.Accepted, Seen: m.Seen, Refused: m.Refused}
	}
	past := m.left()
	seen := past[f.From]
	delete(past, f.From)
	if before != nil && before.From == f.From { // it is back, and the one meanwhile never gave any
		back := *before
		back.Past = past
		return back, nil
	}
	return Memory{From: f.From, Seen: seen, Before: before, Past: past}, nil
}

// left returns Past as of when the site gets another hub, profile or key.
func (m *Memory) left() map[string]Seen {
	past := map[string]Seen{}
	maps.Copy(past, m.Past)
	if m.Seen.Version > 0 {
		past[m.From] = m.Seen
	}
	for len(past) > mostPast {
		delete(past, slices.MinFunc(slices.Collect(maps.Keys(past)), func(a, b string) int { return cmp.Compare(past[a].Version, past[b].Version) }))
	}
	return past
}

// Write replaces the file as a whole. It is readable only by its owner.
func (f File) Write(m Memory) error {
	m.From = f.From
	text, err := json.Marshal(m)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(f.Path), 0o700)
	}
	var tmp *os.File
	if err == nil {
		tmp, err = os.CreateTemp(filepath.Dir(f.Path), ".led-*") // with mode 0600
	}
	if err != nil {
		return fmt.Errorf("write the configuration that came from the hub: %w", err)
	}
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), f.Path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the configuration that came from the hub: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}

// Rest returns how long to wait before the version is tried again: at most an hour, even if the clock was set back since.
func (r *Refused) Rest(now time.Time) time.Duration {
	if rest := r.Due.Sub(now); rest <= longestPause {
		return max(0, rest)
	}
	return 0
}

// Pauses before a refused version is tried again.
const (
	firstPause   = 5 * time.Second
	longestPause = time.Hour
)

// Tries records that a version is about to be tried: if that ends the process, the version counts as refused.
func (f File) Tries(version Version, digest Digest, now time.Time) error {
	m, err := f.Read()
	if err != nil {
		return err
	}
	tries := 1
	if m.Refused != nil && m.Refused.Version == version {
		tries = m.Refused.Tries + 1
	}
	m.Seen = Seen{version, digest[:]}
	m.Refused = &Refused{Version: version, Why: "the process ended while it was tried", Tries: tries, Due: now.Add(min(longestPause, firstPause<<min(tries-1, 20)))}
	return f.Write(m)
}

// Refuse records why a version that was tried is not in use.
func (f File) Refuse(version Version, why string) error {
	m, err := f.Read()
	if err != nil || m.Refused == nil || m.Refused.Version != version {
		return err
	}
	m.Refused.Why = strings.ToValidUTF8(why[:min(len(why), mostWhy)], "")
	return f.Write(m)
}

// Accept records that a document of this version is in use. A later one that was refused meanwhile stays refused.
func (f File) Accept(version Version, signed []byte) error {
	m, err := f.Read()
	if err != nil {
		return err
	}
	m.Accepted, m.Before = signed, nil
	if m.Refused != nil && m.Refused.Version <= version {
		m.Refused = nil
	}
	return f.Write(m)
}

// Again has a refused version tried at once.
func (f File) Again() error {
	m, err := f.Read()
	if err != nil || m.Refused == nil {
		return err
	}
	m.Refused.Tries, m.Refused.Due = 0, time.Time{}
	return f.Write(m)
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe is empty, and not waited for
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return text, err
}

// Verdict is what a site does about a document.
type Verdict int

// What to do about a document.
const (
	Try     Verdict = iota
	Same            // it is in use
	Wait            // it was refused, and is tried again later
	Older           // a later version is known: a replay, or a hub that was restored from a backup
	Another         // it has the version of another document
)

// Judge says what to do about a document, while a site uses a version. It is pure.
func (m *Memory) Judge(using, version Version, digest Digest, now time.Time) Verdict {
	switch {
	case version < max(using, m.Seen.Version):
		return Older
	case version == m.Seen.Version && string(m.Seen.Digest) != string(digest[:]):
		return Another
	case version == using:
		return Same
	case m.Refused != nil && m.Refused.Version == version && m.Refused.Rest(now) > 0:
		return Wait
	}
	return Try
}
