package http

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"

	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// content is what a page has.
type content struct {
	answer  any // its JSON
	rows    []any
	header  http.Header
	address *url.URL
	sum     [sha256.Size]byte
}

// page reads page n.
func (s *Source) page(ctx context.Context, at place, n int) (*content, error) {
	path, body, err := s.ask.fill(at.values)
	if err != nil {
		return nil, s.wrong(err)
	}
	if at.address != "" {
		path = at.address
	}
	p := &content{}
	if p.address, err = s.client.Address(path); err != nil {
		return nil, s.wrong(err)
	}
	answer, err := s.client.Do(ctx, &remote.Request{
		Operation: fmt.Sprintf("read page %d of %s", n, s.what), Method: s.method, Path: path, Body: body, Read: true, // Promise 4
	})
	if err != nil {
		return nil, err
	}
	p.header, p.sum = answer.Header, sha256.Sum256(answer.Body)
	if answer.Status == http.StatusNoContent {
		return p, nil
	}
	if record.Weight(answer.Body) > s.heavy {
		return nil, s.wrong(fmt.Errorf("page %d has too many values for one page; ask for smaller pages, or raise pageBytes", n))
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(answer.Body, []byte("\xef\xbb\xbf"))))
	d.UseNumber()
	if err = d.Decode(&p.answer); err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = fmt.Errorf("more follows at byte %d", d.InputOffset())
		}
	}
	if err != nil {
		return nil, s.wrong(fmt.Errorf("page %d is not JSON, but %.100q: %w", n, answer.Header.Get("Content-Type"), err))
	}
	if p.rows, err = s.rows.of(p.answer); err != nil {
		return nil, s.wrong(fmt.Errorf("page %d: %w", n, err))
	}
	return p, nil
}

// loop knows the pages that a run has read: at most twice as many entries as pages.
type loop map[[16]byte]bool

// address records an address, and reports whether it is new.
func (l loop) address(at place) bool {
	text, _ := json.Marshal(map[string]any{"address": at.address, "values": maps.Clone(at.values)}) // strings alone
	return l.add('a', text)
}

// content records a page's content, and reports whether it is new.
func (l loop) content(sum [sha256.Size]byte) bool { return l.add('c', sum[:]) }

func (l loop) add(kind byte, text []byte) bool {
	sum := sha256.Sum256(append([]byte{kind}, text...))
	key := [16]byte(sum[:16])
	had := l[key]
	l[key] = true
	return !had
}
