package standin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FlipletEntry is an entry of a data source.
type FlipletEntry struct {
	ID        int64           `json:"id"`
	Data      json.RawMessage `json:"data"`
	Source    int64           `json:"dataSourceId"`
	CreatedAt time.Time       `json:"createdAt"`
	UpdatedAt time.Time       `json:"updatedAt"`
}

// Fliplet plays Fliplet's REST API for data sources. Source:
// https://developers.fliplet.com/REST-API/fliplet-datasources.html, and for the limit of requests
// https://developers.fliplet.com/REST-API/rate-limiting.html.
type Fliplet struct {
	server
	MaxBytes  int // of a request's body; 0: no limit
	PerWindow int // requests per ten seconds; 0: no limit

	data  sync.Mutex
	next  int64
	lists map[int64][]FlipletEntry // by data source
	times []time.Time              // of the requests in the window
	files []FlipletFile
	made  bool // the folder exists
}

// NewFliplet starts an account with data sources of the given ids, all empty.
func NewFliplet(token string, sources ...int64) *Fliplet {
	f := &Fliplet{server: server{token: token}, lists: map[int64][]FlipletEntry{}}
	for _, id := range sources {
		f.lists[id] = []FlipletEntry{}
	}
	f.begin(f.serve)
	return f
}

// Put adds entries, with their ids, to a data source.
func (f *Fliplet) Put(source int64, entries ...FlipletEntry) {
	f.data.Lock()
	defer f.data.Unlock()
	for _, e := range entries {
		e.Source, f.next = source, max(f.next, e.ID)
		f.lists[source] = append(f.lists[source], e)
	}
}

// Entries returns a data source's entries in order of arrival.
func (f *Fliplet) Entries(source int64) []FlipletEntry {
	f.data.Lock()
	defer f.data.Unlock()
	return slices.Clone(f.lists[source])
}

func (f *Fliplet) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Auth-Token") != f.accepted() {
		refuse(w, http.StatusUnauthorized, "the token is not valid")
		return
	}
	if wait, ok := f.limited(); ok {
		answer(w, http.StatusTooManyRequests, map[string]any{"error": "Too many requests", "nextValidRequestDate": wait.UTC().Format("2006-01-02T15:04:05.000Z")})
		return
	}
	if r.URL.Path == "/v1/user" {
		f.only(w, r, http.MethodGet, func() {
			answer(w, http.StatusOK, map[string]any{"user": map[string]any{"id": 1, "email": "agent@example.org"}})
		})
		return
	}
	if r.URL.Path == "/v1/organizations" || strings.HasPrefix(r.URL.Path, "/v1/media") {
		f.media(w, r)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/data-sources/")
	name, action, _ := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(name, 10, 64)
	f.data.Lock()
	defer f.data.Unlock()
	if _, known := f.lists[id]; !ok || err != nil || !known {
		refuse(w, http.StatusNotFound, "there is no such data source")
		return
	}
	switch action {
	case "data":
		f.only(w, r, http.MethodGet, func() { answerEntries(w, f.lists[id]) })
	case "data/query":
		f.only(w, r, http.MethodPost, func() { f.query(w, r, id) })
	case "commit":
		f.only(w, r, http.MethodPost, func() { f.commit(w, r, id) })
	default:
		refuse(w, http.StatusNotFound, "there is no such endpoint")
	}
}

// only serves a request if it has the one method that its path allows.
func (*Fliplet) only(w http.ResponseWriter, r *http.Request, method string, serve func()) {
	if r.Method != method {
		w.Header().Set("Allow", method)
		refuse(w, http.StatusMethodNotAllowed, "the method is not allowed")
		return
	}
	serve()
}

// limited reports whether a request comes too early, and when the next may be sent.
func (f *Fliplet) limited() (time.Time, bool) {
	f.data.Lock()
	defer f.data.Unlock()
	if f.PerWindow == 0 {
		return time.Time{}, false
	}
	const window = 10 * time.Second
	now := time.Now()
	f.times = slices.DeleteFunc(f.times, func(t time.Time) bool { return now.Sub(t) > window })
	if len(f.times) >= f.PerWindow {
		return f.times[0].Add(window), true
	}
	f.times = append(f.times, now)
	return time.Time{}, false
}

// flipletCommit is the body of a commit.
type flipletCommit struct {
	Append  *bool `json:"append"`
	Entries []struct {
		ID   *int64          `json:"id"`
		Data json.RawMessage `json:"data"`
	} `json:"entries"`
	Delete   []int64  `json:"delete"`
	Extend   bool     `json:"extend"`
	RunHooks []string `json:"runHooks"`
}

// commit executes all changes of a request, or none.
func (f *Fliplet) commit(w http.ResponseWriter, r *http.Request, id int64) {
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		refuse(w, http.StatusUnsupportedMediaType, "the body is not JSON: "+kind)
		return
	}
	if f.MaxBytes > 0 && r.ContentLength > int64(f.MaxBytes) {
		refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
		return
	}
	var c flipletCommit
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if err := f.check(&c, id); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, e := range c.Entries {
		if e.ID == nil {
			f.next++
			f.lists[id] = append(f.lists[id], FlipletEntry{f.next, e.Data, id, now, now})
			continue
		}
		at := f.find(id, *e.ID)
		old := &f.lists[id][at]
		if c.Extend {
			e.Data = extend(old.Data, e.Data)
		}
		old.Data, old.UpdatedAt = e.Data, now
	}
	if len(c.Delete) > 0 {
		f.lists[id] = slices.DeleteFunc(f.lists[id], func(e FlipletEntry) bool { return slices.Contains(c.Delete, e.ID) })
	}
	answerEntries(w, f.lists[id])
}

// flipletQuery is the body of a query. Its where supports only equality.
type flipletQuery struct {
	Type       string                     `json:"type"`
	Where      map[string]json.RawMessage `json:"where"`
	Attributes []string                   `json:"attributes"`
	Join       map[string]json.RawMessage `json:"join"`
	Distinct   json.RawMessage            `json:"distinct"`
	Order      [][2]string                `json:"order"`
	Limit      *int                       `json:"limit"`
	Offset     int                        `json:"offset"`
}

// query answers with the entries that a query asks for.
func (f *Fliplet) query(w http.ResponseWriter, r *http.Request, id int64) {
	var q flipletQuery
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil || q.Type != "" && q.Type != "select" || q.Offset < 0 || q.Limit != nil && *q.Limit < 1 {
		refuse(w, http.StatusBadRequest, "the query is not valid")
		return
	}
	for _, o := range q.Order {
		if o[0] != "id" || o[1] != "ASC" {
			refuse(w, http.StatusBadRequest, "only the order by id is supported")
			return
		}
	}
	var list []FlipletEntry
	for _, e := range f.lists[id] {
		var data map[string]json.RawMessage
		if json.Unmarshal(e.Data, &data) != nil {
			continue
		}
		fits := true
		for name, v := range q.Where {
			fits = fits && bytes.Equal(data[name], v)
		}
		if !fits {
			continue
		}
		if q.Attributes != nil {
			for name := range data {
				if !slices.Contains(q.Attributes, name) {
					delete(data, name)
				}
			}
			e.Data, _ = json.Marshal(data) // of what was JSON
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b FlipletEntry) int { return int(a.ID - b.ID) })
	list = list[min(q.Offset, len(list)):]
	if q.Limit != nil {
		list = list[:min(*q.Limit, len(list))]
	}
	answerEntries(w, list)
}

// check returns what is wrong with a commit.
func (f *Fliplet) check(c *flipletCommit, id int64) error {
	if c.Append == nil || !*c.Append {
		return fmt.Errorf("append is not true: entries not sent would be removed")
	}
	for _, h := range c.RunHooks {
		if h != "insert" && h != "update" {
			return fmt.Errorf("there is no hook %q", h)
		}
	}
	for i, e := range c.Entries {
		if !bytes.HasPrefix(e.Data, []byte("{")) {
			return fmt.Errorf("entry %d has no data", i)
		}
		if e.ID != nil && f.find(id, *e.ID) < 0 {
			return fmt.Errorf("there is no entry %d", *e.ID)
		}
	}
	for _, gone := range c.Delete {
		if f.find(id, gone) < 0 {
			return fmt.Errorf("there is no entry %d", gone)
		}
	}
	return nil
}

func (f *Fliplet) find(source, entry int64) int {
	return slices.IndexFunc(f.lists[source], func(e FlipletEntry) bool { return e.ID == entry })
}

// extend returns an entry's data with new columns replacing old ones.
func extend(old, more json.RawMessage) json.RawMessage {
	data := map[string]json.RawMessage{}
	if json.Unmarshal(old, &data) != nil || json.Unmarshal(more, &data) != nil {
		return more
	}
	merged, err := json.Marshal(data)
	if err != nil {
		return more
	}
	return merged
}

// Carry executes a request whose answer a fault withholds.
func (f *Fliplet) Carry(w http.ResponseWriter, r *http.Request) { f.serve(w, r) }

// answerEntries answers with entries, whose data are already JSON, for as long as the client reads: each commit is
// answered with all of them.
func answerEntries(w http.ResponseWriter, list []FlipletEntry) {
	w.Header().Set("Content-Type", "application/json")
	b := bufio.NewWriterSize(w, 64<<10)
	_, _ = b.WriteString(`{"entries":[`)
	for i := range list {
		e := &list[i]
		text := b.AvailableBuffer()
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(append(text, `{"id":`...), e.ID, 10)
		text = strconv.AppendInt(append(text, `,"dataSourceId":`...), e.Source, 10)
		text = e.CreatedAt.AppendFormat(append(text, `,"createdAt":"`...), time.RFC3339Nano)
		text = e.UpdatedAt.AppendFormat(append(text, `","updatedAt":"`...), time.RFC3339Nano)
		text = append(append(append(text, `","data":`...), e.Data...), '}')
		if _, err := b.Write(text); err != nil {
			return // the client is gone
		}
	}
	_, _ = b.WriteString("]}\n")
	_ = b.Flush() // the client may be gone
}
