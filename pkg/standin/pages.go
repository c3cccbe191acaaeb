package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Pages plays an HTTP API with many rows, which it serves page by page. Each of its paths has its
// own way to ask for the next page, as documented APIs do:
//
//	/next, /link               an address in the answer ("next"), or in the header Link
//	/cursor, POST /search      a cursor, in the query or in the body
//	/page, /offset             a number in the query
//	/reports/TYPE?date=        one page with the rows of that type and date
//
// It refuses parameters, methods and tokens that it does not know, and pages beyond the one after the last.
type Pages struct {
	server
	Size int // rows per page

	data sync.Mutex
	rows []json.RawMessage
}

// NewPages starts an API that serves rows in the given order.
func NewPages(token string, size int, rows ...string) *Pages {
	p := &Pages{server: server{token: token}, Size: size}
	p.Set(rows...)
	p.begin(p.serve)
	return p
}

// Set changes the rows.
func (p *Pages) Set(rows ...string) {
	p.data.Lock()
	defer p.data.Unlock()
	p.rows = nil
	for _, r := range rows {
		p.rows = append(p.rows, json.RawMessage(r))
	}
}

// ways are the paths, with their methods and their parameters besides since.
var ways = map[string][2]string{
	"/next": {"GET", "after"}, "/link": {"GET", "after"}, "/cursor": {"GET", "cursor"}, "/page": {"GET", "page"}, "/offset": {"GET", "offset"}, "/search": {"POST", "cursor"},
}

func (p *Pages) serve(w http.ResponseWriter, r *http.Request) {
	way, known := ways[r.URL.Path]
	kind, isReport := strings.CutPrefix(r.URL.Path, "/reports/")
	if isReport {
		way, known = [2]string{"GET", "date"}, true
	}
	given, err := parametersOf(r)
	switch {
	case p.accepted() != "" && r.Header.Get("Authorization") == "":
		refuse(w, http.StatusUnauthorized, "no token")
		return
	case p.accepted() != "" && r.Header.Get("Authorization") != "Bearer "+p.accepted():
		refuse(w, http.StatusForbidden, "wrong token")
		return
	case !known:
		refuse(w, http.StatusNotFound, "no such path")
		return
	case r.Method != way[0]:
		refuse(w, http.StatusMethodNotAllowed, "the method is "+way[0])
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	for name := range given {
		if name != way[1] && name != "since" {
			refuse(w, http.StatusBadRequest, "unknown parameter "+name)
			return
		}
	}
	if isReport {
		p.report(w, kind, given["date"])
		return
	}
	rows := p.since(given.Get("since"))
	at, err := p.start(way[1], given)
	if err != nil || at > len(rows)+p.Size {
		refuse(w, http.StatusBadRequest, "no such page")
		return
	}
	at = min(at, len(rows))
	p.give(w, r.URL.Path, given, rows, at)
}

// parametersOf returns the parameters of the query, or of a JSON body.
func parametersOf(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return url.ParseQuery(r.URL.RawQuery)
	}
	if r.Header.Get("Content-Type") != "application/json" {
		return nil, fmt.Errorf("the body is %q", r.Header.Get("Content-Type"))
	}
	var texts map[string]string
	if err := json.NewDecoder(r.Body).Decode(&texts); err != nil {
		return nil, err
	}
	given := url.Values{}
	for name, v := range texts {
		given.Set(name, v)
	}
	return given, nil
}

// since returns the rows that are not older than a moment, in their given order.
func (p *Pages) since(moment string) []json.RawMessage {
	p.data.Lock()
	defer p.data.Unlock()
	return slices.DeleteFunc(slices.Clone(p.rows), func(row json.RawMessage) bool {
		var at struct {
			Updated string `json:"updated"`
		}
		return json.Unmarshal(row, &at) == nil && at.Updated != "" && at.Updated < moment
	})
}

// start is the index of the first row that a request asks for.
func (p *Pages) start(parameter string, given url.Values) (int, error) {
	text := given.Get(parameter)
	if text == "" && parameter != "page" {
		return 0, nil
	}
	if parameter == "cursor" {
		var at int
		_, err := fmt.Sscanf(text, "c/%d=", &at)
		return at, err
	}
	n, err := strconv.Atoi(text)
	if parameter == "page" {
		n = (n - 1) * p.Size
	}
	if n < 0 {
		err = strconv.ErrRange
	}
	return n, err
}

// report answers with the rows of a type and a date.
func (p *Pages) report(w http.ResponseWriter, kind string, dates []string) {
	if len(dates) != 1 {
		refuse(w, http.StatusBadRequest, "one date is needed")
		return
	}
	if _, err := time.Parse(time.DateOnly, dates[0]); err != nil {
		refuse(w, http.StatusBadRequest, "the date is invalid")
		return
	}
	p.data.Lock()
	defer p.data.Unlock()
	rows, known := []json.RawMessage{}, false
	for _, row := range p.rows {
		var of struct{ Type, Date string }
		if json.Unmarshal(row, &of) == nil && of.Type == kind {
			known = true
			if of.Date == dates[0] {
				rows = append(rows, row)
			}
		}
	}
	if !known {
		refuse(w, http.StatusNotFound, "no such report")
		return
	}
	answer(w, http.StatusOK, map[string]any{"rows": rows})
}

// give answers with one page.
func (p *Pages) give(w http.ResponseWriter, path string, given url.Values, rows []json.RawMessage, at int) {
	end := min(at+p.Size, len(rows))
	body := map[string]any{"rows": rows[at:end], "total": len(rows)}
	more := end < len(rows)
	next := url.Values{"after": {strconv.Itoa(end)}}
	if s := given.Get("since"); s != "" {
		next.Set("since", s)
	}
	switch {
	case path == "/next" && more:
		body["next"] = "/next?" + next.Encode()
	case path == "/next":
		body["next"] = nil
	case path == "/link":
		links := fmt.Sprintf("<%s/link>; rel=\"first\"; title=\"a, b\"", p.URL)
		if more {
			links += fmt.Sprintf(", <%s/link?%s>; rel=\"last next\"", p.URL, next.Encode())
		}
		w.Header().Set("Link", links)
	case (path == "/cursor" || path == "/search") && more:
		body["meta"] = map[string]any{"cursor": fmt.Sprintf("c/%d=", end)}
	}
	body["hasMore"] = more
	answer(w, http.StatusOK, body)
}
