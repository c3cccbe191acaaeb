package ordeal

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// place is a destination, as a configuration names it.
type place struct {
	destination, to map[string]any
	leg             string                    // in the state
	rows            func(testkit.TB) []string // "id=v", in any order
	witness         *witness                  // nil: it is a database
	proxy           *testkit.Proxy            // in front of a database server; nil: there is none
	slow            bool                      // it accepts some tens of rows a second
}

// arrival is a state of a row that a service has accepted.
type arrival struct {
	id    int64
	v     int64  // 0: a delete
	event string // by which the service recognises it; "": by the row's key
	adds  bool   // it makes a new record, whatever is there
}

// peer is a stand-in.
type peer interface {
	Fail(standin.Fault)
	Carry(http.ResponseWriter, *http.Request)
	Close()
}

// witness sits in front of a stand-in: it is slow, records what arrives, and misbehaves if told to.
type witness struct {
	peer peer
	read func(r *http.Request, body []byte) []arrival

	mu       sync.Mutex
	random   *rand.Rand
	bad      bool
	gentle   bool // it does not answer 429, after which Airtable demands a pause of half a minute
	arrivals []arrival
}

// watch makes it a stand-in's witness.
func watch(tb testkit.TB, p peer, read func(*http.Request, []byte) []arrival) *witness {
	tb.Cleanup(p.Close)
	w := &witness{peer: p, read: read, random: rand.New(rand.NewPCG(1, 2))}
	p.Fail(w.serve)
	return w
}

// be seeds it, and makes it behave well or badly.
func (w *witness) be(bad bool, seed uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad, w.random = bad, rand.New(rand.NewPCG(seed, 3))
}

// taken returns the arrivals so far.
func (w *witness) taken() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clip(w.arrivals)
}

// roll returns a random number below n, or a negative one while it behaves well.
func (w *witness) roll(n int) (lag time.Duration, number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lag, number = time.Duration(w.random.IntN(15))*time.Millisecond, -1
	if w.bad {
		number = w.random.IntN(n)
	}
	return lag, number
}

// serve is the stand-in's fault.
func (w *witness) serve(answer http.ResponseWriter, r *http.Request, _ int) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return true // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	lag, number := w.roll(21)
	list := w.read(r, body)
	time.Sleep(lag) // services are slow
	if len(list) == 0 && r.Method == http.MethodGet {
		w.peer.Carry(answer, r)
		return true
	}
	if number >= 0 && w.refuses(answer, list) {
		return true
	}
	switch {
	case number == 0 && !w.gentle:
		answer.Header().Set("Retry-After", "1")
		answer.WriteHeader(http.StatusTooManyRequests)
		return true
	case number == 1:
		answer.WriteHeader(http.StatusInternalServerError)
		return true
	case number == 2:
		panic(http.ErrAbortHandler) // nothing
	case number == 3 && len(list) > 3:
		answer.WriteHeader(http.StatusRequestEntityTooLarge)
		return true
	}
	told := httptest.NewRecorder()
	w.peer.Carry(told, r)
	if told.Code < http.StatusMultipleChoices {
		w.mu.Lock()
		w.arrivals = append(w.arrivals, list...)
		w.mu.Unlock()
	}
	time.Sleep(lag)
	switch number {
	case 4:
		answer.WriteHeader(http.StatusInternalServerError) // but it was done
		return true
	case 5:
		panic(http.ErrAbortHandler)
	case 6:
		answer.Header().Set("Content-Length", fmt.Sprint(told.Body.Len()+10))
		_, _ = answer.Write(told.Body.Bytes()[:told.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}
	maps.Copy(answer.Header(), told.Header())
	answer.WriteHeader(told.Code)
	_, _ = answer.Write(told.Body.Bytes()) // the client may be gone
	return true
}

// refuses answers 422 if one of the rows is the tenth, which is unacceptable.
func (*witness) refuses(answer http.ResponseWriter, list []arrival) bool {
	for _, a := range list {
		if a.v%10 == 7 {
			answer.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(answer, `{"error":"v ends with 7"}`)
			return true
		}
	}
	return false
}

// row is a row as JSON.
type row struct {
	ID int64 `json:"id"`
	V  int64 `json:"v"`
}

// said summarizes a row.
func (r row) said() string { return fmt.Sprintf("%d=%d", r.ID, r.V) }

// saidOf summarizes a row of JSON.
func saidOf(tb testkit.TB, text []byte) string {
	tb.Helper()
	var r row
	if err := json.Unmarshal(text, &r); err != nil {
		tb.Fatalf("the destination has %s: %v", text, err)
	}
	return r.said()
}

func flipletPlace(tb testkit.TB) *place {
	s := standin.NewFliplet("eu--1", 123)
	w := watch(tb, s, func(_ *http.Request, body []byte) (list []arrival) {
		var c struct {
			Entries []struct {
				ID   *int64
				Data row
			}
		}
		_ = json.Unmarshal(body, &c) // the stand-in says what is wrong
		for _, e := range c.Entries {
			list = append(list, arrival{id: e.Data.ID, v: e.Data.V, adds: e.ID == nil})
		}
		return list
	})
	return &place{
		destination: map[string]any{"type": "fliplet", "token": "eu--1", "baseURL": s.URL},
		to:          map[string]any{"dataSource": 123, "batch": 20, "concurrency": 3},
		leg:         "123 of there",
		witness:     w,
		rows: func(tb testkit.TB) (list []string) {
			for _, e := range s.Entries(123) {
				list = append(list, saidOf(tb, e.Data))
			}
			return list
		},
	}
}

func airtablePlace(tb testkit.TB) *place {
	s := standin.NewAirtable("pat-1", "appX")
	s.Table("Rows", map[string]string{"id": standin.AirtableNumber, "v": standin.AirtableNumber})
	s.PerSecond = 5
	w := watch(tb, s, func(_ *http.Request, body []byte) (list []arrival) {
		var c struct{ Records []struct{ Fields row } }
		_ = json.Unmarshal(body, &c)
		for _, r := range c.Records {
			list = append(list, arrival{id: r.Fields.ID, v: r.Fields.V})
		}
		return list
	})
	w.gentle = true
	return &place{
		destination: map[string]any{"type": "airtable", "token": "pat-1", "base": "appX", "baseURL": s.URL},
		to:          map[string]any{"table": "Rows"},
		leg:         "Rows of there",
		witness:     w,
		slow:        true,
		rows: func(tb testkit.TB) (list []string) {
			for _, r := range s.Records("Rows") {
				text, err := json.Marshal(r.Fields)
				if err != nil {
					tb.Fatalf("%v", err)
				}
				list = append(list, saidOf(tb, text))
			}
			return list
		},
	}
}

func syncPlace(kind, events string) func(testkit.TB) *place {
	return func(tb testkit.TB) *place {
		s := standin.NewSync(events, "sk_1")
		w := watch(tb, s, func(_ *http.Request, body []byte) (list []arrival) {
			var lists map[string][]struct {
				GUID, EntityGUID, Type string
				Data                   row
			}
			_ = json.Unmarshal(body, &lists)
			for _, e := range lists[events] {
				a := arrival{event: e.GUID, v: e.Data.V}
				_, _ = fmt.Sscan(e.EntityGUID, &a.id)
				if e.Type == "delete" {
					a.v = 0
				}
				list = append(list, a)
			}
			return list
		})
		return &place{
			destination: map[string]any{"type": kind, "url": s.URL, "auth": map[string]any{"apiKey": "sk_1"}},
			to:          map[string]any{"batch": 20, "concurrency": 3},
			leg:         "there",
			witness:     w,
			rows: func(tb testkit.TB) (list []string) {
				last := map[string]string{}
				for _, e := range s.Events() {
					if last[e.EntityGUID] = string(e.Data); e.Type == "delete" {
						delete(last, e.EntityGUID)
					}
				}
				for _, text := range last {
					list = append(list, saidOf(tb, []byte(text)))
				}
				return list
			},
		}
	}
}

func webhookPlace(send string) func(testkit.TB) *place {
	return func(tb testkit.TB) *place {
		type event struct {
			ID, Kind string
			Key      struct{ ID string }
			Row      row
		}
		s := standin.NewReceiver("signing-secret")
		w := watch(tb, s, func(_ *http.Request, body []byte) (list []arrival) {
			var one struct {
				event
				Events []event
			}
			_ = json.Unmarshal(body, &one)
			if one.Events == nil {
				one.Events = []event{one.event}
			}
			for _, e := range one.Events {
				a := arrival{event: e.ID, v: e.Row.V}
				_, _ = fmt.Sscan(e.Key.ID, &a.id)
				list = append(list, a)
			}
			return list
		})
		to := map[string]any{"send": send, "concurrency": 4}
		if send == "batch" {
			to["batch"] = 20
		}
		return &place{
			destination: map[string]any{"type": "webhook", "url": s.URL, "secret": s.Secret},
			to:          to,
			leg:         "there",
			witness:     w,
			rows: func(tb testkit.TB) (list []string) {
				for _, text := range s.Rows() {
					list = append(list, saidOf(tb, []byte(text)))
				}
				return list
			},
		}
	}
}

// scanned reads rows with two columns.
func scanned(tb testkit.TB, rows *sql.Rows, err error) (list []string) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("read rows: %v", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.ID, &r.V); err != nil {
			tb.Fatalf("read rows: %v", err)
		}
		list = append(list, r.said())
	}
	if err := rows.Err(); err != nil {
		tb.Fatalf("read rows: %v", err)
	}
	return list
}

// table is how a job names a place's table.
func table() map[string]any { return map[string]any{"table": "b", "batch": 20, "concurrency": 2} }

const create, read = "CREATE TABLE b (id INT PRIMARY KEY, v INT NOT NULL UNIQUE)", "SELECT id, v FROM b"

func mysqlPlace(tb testkit.TB) *place {
	db, server := testkit.Schema(tb, create), testkit.Shared(tb)
	proxy := testkit.NewProxy(tb, fmt.Sprintf("%s:%d", server.Host, server.Port))
	d := reached("mysql", proxy, server.User, db.Name)
	d["password"] = server.Password
	return &place{destination: d, to: table(), leg: "b of there", proxy: proxy, rows: func(tb testkit.TB) []string {
		rows, err := db.Query(read)
		return scanned(tb, rows, err)
	}}
}

// reached is a database behind a proxy.
func reached(kind string, proxy *testkit.Proxy, user, database string) map[string]any {
	host, port, _ := strings.Cut(proxy.Addr(), ":")
	return map[string]any{"type": kind, "host": host, "port": json.Number(port), "user": user, "database": database}
}

func postgresPlace(tb testkit.TB) *place {
	server := testkit.Postgres(tb)
	name := server.Schema(tb, create)
	proxy := testkit.NewProxy(tb, fmt.Sprintf("%s:%d", server.Host, server.Port))
	return &place{destination: reached("postgres", proxy, server.User, name), to: table(), leg: "b of there", proxy: proxy, rows: func(tb testkit.TB) []string {
		return strings.Fields(strings.ReplaceAll(server.Query(tb, name, read), "|", "="))
	}}
}
