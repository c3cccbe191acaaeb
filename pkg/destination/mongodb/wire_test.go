package mongodb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mysql-sync/mysql-sync/pkg/destination/mongodb"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// server speaks as much of MongoDB's protocol as a bulk needs, and executes unordered
// bulks as MongoDB does and FerretDB does not: each write by itself, with the index of
// the refused ones.
// Source: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/.
type server struct {
	address string

	mu     sync.Mutex
	bulks  [][]string // the keys of each
	refuse map[string]refusal
	fails  bson.D // instead of an answer
}

// refusal is why a document is refused, and how often.
type refusal struct{ code, times int }

func serve(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &server{address: "mongodb://" + l.Addr().String(), refuse: map[string]refusal{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return s
}

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

// talk answers the messages of a connection until it closes.
func (s *server) talk(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		var header [16]byte
		if _, err := io.ReadFull(c, header[:]); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(header[:])-16)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		op, before, told := uint32(opMsg), make([]byte, 5), hello()
		if binary.LittleEndian.Uint32(header[12:]) == opQuery {
			op, before = opReply, make([]byte, 20)
			before[16] = 1 // document
		} else {
			told = s.answer(body[4:])
		}
		doc, err := bson.Marshal(told)
		if err != nil {
			return
		}
		out := binary.LittleEndian.AppendUint32(nil, uint32(16+len(before)+len(doc)))
		out = append(append(out, 0, 0, 0, 0), header[4:8]...)
		out = append(append(binary.LittleEndian.AppendUint32(out, op), before...), doc...)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func hello() bson.D {
	return bson.D{{Key: "ismaster", Value: true}, {Key: "helloOk", Value: true}, {Key: "maxBsonObjectSize", Value: 16 << 20}, {Key: "maxMessageSizeBytes", Value: 48000000},
		{Key: "maxWriteBatchSize", Value: 100000}, {Key: "minWireVersion", Value: 0}, {Key: "maxWireVersion", Value: 21}, {Key: "ok", Value: 1}}
}

// answer answers a command, which is a section of kind 0; its documents are one of kind 1.
func (s *server) answer(sections []byte) bson.D {
	var command bson.Raw
	var updates []bson.Raw
	for len(sections) > 0 {
		size := binary.LittleEndian.Uint32(sections[1:])
		part := sections[1 : 1+size]
		if sections[0] == 0 {
			command = part
		} else {
			part = part[4:]
			for part = part[bytes.IndexByte(part, 0)+1:]; len(part) > 0; {
				n := binary.LittleEndian.Uint32(part)
				updates, part = append(updates, bson.Raw(part[:n])), part[n:]
			}
		}
		sections = sections[1+size:]
	}
	if name, err := command.IndexErr(0); err == nil && name.Key() == "update" {
		return s.update(updates)
	}
	return hello()
}

// update executes a bulk.
func (s *server) update(updates []bson.Raw) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	var keys []string
	var refused bson.A
	for i, u := range updates {
		key := u.Lookup("q", "_id").StringValue()
		keys = append(keys, key)
		r := s.refuse[key]
		if r.times == 0 {
			continue
		}
		r.times--
		s.refuse[key] = r
		refused = append(refused, bson.D{{Key: "index", Value: i}, {Key: "code", Value: r.code}, {Key: "errmsg", Value: "E" + key}})
	}
	s.bulks = append(s.bulks, keys)
	told := bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: len(updates) - len(refused)}, {Key: "nModified", Value: 0}}
	if refused != nil {
		told = append(told, bson.E{Key: "writeErrors", Value: refused})
	}
	return told
}

// bulk is a batch with one document per letter.
func bulk(letters string) *job.Batch {
	b := &job.Batch{}
	for _, l := range letters {
		b.Operations = append(b.Operations, put(string(l), `{"k":"`+string(l)+`"}`))
	}
	return b
}

func at(t *testing.T, s *server) *mongodb.Destination {
	t.Helper()
	db, err := mongodb.Open(mongodb.Config{URI: s.address, Database: "lake"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d, err := db.Collection(mongodb.Leg{Collection: "sales"}, []string{"k"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestR03ABadDocumentIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.refuse = map[string]refusal{"c": {121, 9}, "e": {11000, 1}, "g": {11000, 9}}
	answers, err := at(t, s).Send(t.Context(), bulk("abcdefg"))
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if (a.Refused != "") != (i == 2 || i == 6) {
			t.Errorf("document %d: %q", i, a.Refused)
		}
	}
	var sent []string
	for _, b := range s.bulks {
		sent = append(sent, strings.Join(b, ""))
	}
	// A duplicate key may come from a concurrent writer: it is resent.
	if !slices.Equal(sent, []string{"abcdefg", "eg", "g"}) {
		t.Errorf("sent %q", sent)
	}
}

// A document that is only too much for now is not bad.
func TestR03AWriteThatMaySucceedLaterIsNotRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.refuse = map[string]refusal{"b": {16500, 1}}
	d := at(t, s)
	_, err := d.Send(t.Context(), bulk("abc"))
	if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.Doubt {
		t.Errorf("%v", err)
	}
	if answers, err := d.Send(t.Context(), bulk("abc")); err != nil || answers[1].Refused != "" {
		t.Errorf("%v, %v", answers, err)
	}
}

func TestR03MeaningOfCommandErrors(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]remote.Verb{13: remote.Stop, 18: remote.Stop, 10334: remote.Halve, 2: remote.RowRefused, 91: remote.Doubt} {
		s := serve(t)
		s.fails = bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "errmsg", Value: "no"}}
		_, err := at(t, s).Send(t.Context(), bulk("a"))
		if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != want {
			t.Errorf("%d: %v, want %s", code, err, want)
		}
	}
	s := serve(t)
	s.fails = bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting for replication timed out"}}}}
	_, err := at(t, s).Send(t.Context(), bulk("a"))
	if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.Doubt {
		t.Errorf("an unmet write concern: %v", err)
	}
}
