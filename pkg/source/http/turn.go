package http

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/job"
)

// turn is how pages follow each other: in one of these ways, or not at all.
type turn struct {
	next      *one   // the next page's address
	link      bool   // likewise, from a header
	cursor    *one   // the next page's cursor
	counts    string // page or offset, which are counted; "": neither
	first     int    // of what is counted
	parameter string // of cursor, page or offset
	more      *one   // nil: nothing says whether there are more pages
}

// newTurn reads how pages follow each other. Errors begin with a key.
func newTurn(rows Rows) (t turn, err error) {
	var ways []string
	path := func(key, text string) *one {
		p, wrong := newOne(key, text)
		err = errors.Join(err, wrong)
		return &p
	}
	if rows.Next != "" {
		ways = append(ways, "next")
		t.next = path("next", rows.Next)
	}
	if rows.Link {
		ways = append(ways, "link")
		t.link = true
	}
	if c := rows.Cursor; c != nil {
		ways = append(ways, cursor)
		t.cursor, t.parameter = path("cursor.from", c.From), c.Parameter
	}
	if c := rows.Page; c != nil {
		ways = append(ways, page)
		t.counts, t.first, t.parameter = page, c.First, c.Parameter
	}
	if c := rows.Offset; c != nil {
		ways = append(ways, offset)
		t.counts, t.first, t.parameter = offset, c.First, c.Parameter
	}
	if rows.More != "" {
		t.more = path("more", rows.More)
	}
	switch {
	case err != nil:
	case len(ways) > 1:
		err = fmt.Errorf("%s: conflicts with %s; keep one of them", ways[1], ways[0])
	case t.more != nil && len(ways) == 0:
		err = errors.New("more: needs next, link, cursor, page or offset, which ask for another page")
	}
	return t, err
}

// names returns the names for which the turn has values.
func (t turn) names() []string {
	switch {
	case t.cursor != nil:
		return []string{cursor}
	case t.counts != "":
		return []string{t.counts}
	}
	return nil
}

// turnValues returns the values for the first page.
func turnValues(t turn) values {
	v := values{}
	if t.counts != "" {
		v[t.counts] = strconv.Itoa(t.first)
	}
	return v
}

// place says which page to read.
type place struct {
	values  values
	address string // whole, from the previous page; "": the template's
}

// first is where a run begins.
func (s *Source) first(r job.Request) place {
	v := turnValues(s.turn)
	switch {
	case r.Since != nil:
		v[watermark] = *r.Since
	case s.start != nil:
		v[watermark] = *s.start
	}
	if r.From.Dated {
		v[date] = r.Date
	}
	if r.From.TypeID != "" {
		v[typeID] = r.From.TypeID
	}
	return place{values: v}
}

// after returns the place after a page, and whether there is one.
func (s *Source) after(at place, p *content) (place, bool, error) {
	t := s.turn
	if t.more != nil {
		if more, err := t.more.of(p.answer); err != nil || more == "" || more == "0" {
			return at, false, s.wrong(err)
		}
	}
	switch {
	case t.next != nil:
		ref, err := t.next.of(p.answer)
		if err != nil || ref == "" {
			return at, false, s.wrong(err)
		}
		at.address, err = s.lead(p.address, ref)
		return at, true, s.wrong(err)
	case t.link:
		ref := nextLink(p.header)
		if ref == "" {
			return at, false, nil
		}
		var err error
		at.address, err = s.lead(p.address, ref)
		return at, true, s.wrong(err)
	case t.cursor != nil:
		c, err := t.cursor.of(p.answer)
		at.values[cursor] = c
		return at, c != "", s.wrong(err)
	case t.counts != "" && len(p.rows) > 0:
		n, _ := strconv.Atoi(at.values[t.counts]) // ours
		if t.counts == page {
			n++
		} else {
			n += len(p.rows)
		}
		at.values[t.counts] = strconv.Itoa(n)
		return at, true, nil
	}
	return at, false, nil
}

// wrong returns an error about an answer.
func (s *Source) wrong(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s: %s: %w", s.what, s.client.Host(), err)
}

// longestAddress limits the length of a next page's address, in bytes.
const longestAddress = 16 << 10

// lead returns the full address of the next page, if it may be read. Promise 3.
func (s *Source) lead(from *url.URL, ref string) (string, error) {
	if len(ref) > longestAddress {
		return "", fmt.Errorf("the next page's address has %d bytes", len(ref))
	}
	u, err := from.Parse(ref)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", errors.New("the value for the next page is not an address; if it is a cursor, use cursor")
	}
	u.User, u.Fragment = nil, ""
	switch other := slices.ContainsFunc(s.hosts, func(h string) bool { return strings.EqualFold(h, u.Host) }); {
	case s.client.Owns(u):
	case !other:
		return "", fmt.Errorf("the next page is at %s://%.100s, not where this one is; if that is right, add the host to otherHosts of the source", u.Scheme, u.Host)
	case from.Scheme == "https" && u.Scheme != "https":
		return "", fmt.Errorf("the next page is at http://%.100s, without TLS", u.Host)
	}
	return u.String(), nil
}

// nextLink returns the address with rel=next in Link headers; "": none.
func nextLink(header http.Header) string {
	for _, line := range header.Values("Link") {
		for {
			_, after, found := strings.Cut(line, "<")
			if !found {
				break
			}
			ref, rest, closed := strings.Cut(after, ">")
			if !closed {
				break
			}
			parameters := rest
			if i := outside(rest, ','); i >= 0 {
				parameters, line = rest[:i], rest[i+1:]
			} else {
				line = ""
			}
			if isNext(parameters) {
				return ref
			}
		}
	}
	return ""
}

// isNext reports whether the parameters of a link have rel=next.
func isNext(parameters string) bool {
	for parameters != "" {
		one := parameters
		if i := outside(parameters, ';'); i >= 0 {
			one, parameters = parameters[:i], parameters[i+1:]
		} else {
			parameters = ""
		}
		name, value, _ := strings.Cut(one, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			rels := strings.Fields(strings.Trim(strings.TrimSpace(value), `"`))
			return slices.ContainsFunc(rels, func(r string) bool { return strings.EqualFold(r, "next") })
		}
	}
	return false
}

// outside returns the index of a character outside quotes; -1: none.
func outside(text string, c byte) int {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == c && !quoted:
			return i
		}
	}
	return -1
}
