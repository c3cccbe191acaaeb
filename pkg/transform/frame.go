package transform

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// frameKind is the kind of a frame between the node and its script process.
type frameKind byte

const (
	// From the node.
	frameLoad   frameKind = iota + 1 // limits and files; the first frame
	frameCheck                       // run a file, report what it exports
	frameRun                         // run tasks
	frameCancel                      // their results are no longer wanted
	frameAnswer                      // to a query or a message
	// From the process.
	frameReady // it has received limits and files
	frameChecked
	frameResult  // of the next task of a run
	frameDone    // a run has ended
	frameQuery   // of a script, on behalf of a run
	framePublish // likewise
	frameLog     // a script's output
)

// maxFrame bounds a frame, in bytes. A row has at most 64 MiB.
const maxFrame = 128 << 20

// maxFields bounds the fields of a row; tables have at most 4,096 columns.
const maxFields = 1 << 16

// errFrame means that a frame is malformed.
var errFrame = errors.New("a frame from the scripts' process is invalid")

// frames sends frames. It is safe for concurrent use.
type frames struct {
	mu    sync.Mutex
	out   *bufio.Writer
	later *time.Timer // flushes delayed frames
	err   error
}

func newFrames(w io.Writer) *frames { return &frames{out: bufio.NewWriterSize(w, 64<<10)} }

// flushLater is how long a frame that is not urgent may wait to be sent with others.
const flushLater = time.Millisecond

// send sends a frame, at once if it is urgent. The error is from this or an earlier frame.
func (f *frames) send(kind frameKind, payload []byte, urgent bool) error {
	var head [5]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(payload)))
	head[4] = byte(kind)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	if _, f.err = f.out.Write(head[:]); f.err == nil {
		_, f.err = f.out.Write(payload)
	}
	switch {
	case f.err != nil || f.out.Buffered() == 0:
	case urgent:
		f.err = f.out.Flush()
	case f.later == nil:
		f.later = time.AfterFunc(flushLater, f.flush)
	}
	return f.err
}

// flush sends delayed frames.
func (f *frames) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.later = nil
	if f.err == nil {
		f.err = f.out.Flush()
	}
}

// receive reads a frame.
func receive(r *bufio.Reader) (frameKind, *decoder, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxFrame {
		return 0, nil, errFrame
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	return frameKind(head[4]), &decoder{rest: payload}, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// The types of values in a frame.
const (
	typeNil = iota
	typeTrue
	typeFalse
	typeInt
	typeUint
	typeFloat
	typeString
	typeBytes
	typeTime
	typeJSON
)

// appendEntity appends an entity; nil stays nil.
func appendEntity(b []byte, e value.Entity) ([]byte, error) {
	if e == nil {
		return append(b, 0), nil
	}
	b = binary.AppendUvarint(b, uint64(len(e))+1)
	for _, f := range e {
		b = appendString(b, f.Name)
		switch v := f.Value.(type) {
		case nil:
			b = append(b, typeNil)
		case bool:
			if v {
				b = append(b, typeTrue)
			} else {
				b = append(b, typeFalse)
			}
		case int64:
			b = binary.AppendVarint(append(b, typeInt), v)
		case uint64:
			b = binary.AppendUvarint(append(b, typeUint), v)
		case float64:
			b = binary.LittleEndian.AppendUint64(append(b, typeFloat), math.Float64bits(v))
		case string:
			b = appendString(append(b, typeString), v)
		case []byte:
			b = appendString(append(b, typeBytes), string(v))
		case json.RawMessage:
			b = appendString(append(b, typeJSON), string(v))
		case time.Time:
			b = binary.AppendVarint(append(b, typeTime), v.Unix())
			b = binary.AppendUvarint(b, uint64(v.Nanosecond()))
		default:
			return nil, fmt.Errorf("column %s: %T is not a column value", f.Name, f.Value)
		}
	}
	return b, nil
}

// decoder decodes a frame. After an error it stays failed and returns only zero values.
type decoder struct {
	rest  []byte
	wrong bool
	names []string // of the last entity's fields, which the next one often shares
}

func (p *decoder) err() error {
	if p.wrong {
		return errFrame
	}
	return nil
}

func (p *decoder) uint() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *decoder) int() int64 {
	v, n := binary.Varint(p.rest)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *decoder) fail() { p.wrong, p.rest = true, nil }

// take returns the next n bytes, not copied.
func (p *decoder) take(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.fail()
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *decoder) byte() byte {
	if b := p.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *decoder) bool() bool     { return p.byte() == 1 }
func (p *decoder) string() string { return string(p.take(p.uint())) }

// count returns how many elements follow, each of at least one byte.
func (p *decoder) count() int {
	n := p.uint()
	if n > uint64(len(p.rest)) {
		p.fail()
		return 0
	}
	return int(n)
}

func (p *decoder) strings() []string {
	list := make([]string, p.count())
	for i := range list {
		list[i] = p.string()
	}
	return list
}

// name returns the name of field i.
func (p *decoder) name(i int) string {
	b := p.take(p.uint())
	if i < len(p.names) && p.names[i] == string(b) {
		return p.names[i]
	}
	s := string(b)
	p.names = append(p.names[:min(i, len(p.names))], s)
	return s
}

func (p *decoder) entity() value.Entity {
	n := p.uint()
	if n == 0 {
		return nil
	}
	if n-1 > min(maxFields, uint64(len(p.rest))) {
		p.fail()
		return nil
	}
	e := make(value.Entity, n-1)
	for i := range e {
		e[i] = value.Field{Name: p.name(i), Value: p.value()}
	}
	return e
}

func (p *decoder) value() any {
	switch p.byte() {
	case typeNil:
	case typeTrue:
		return true
	case typeFalse:
		return false
	case typeInt:
		return p.int()
	case typeUint:
		return p.uint()
	case typeFloat:
		if b := p.take(8); b != nil {
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case typeString:
		return p.string()
	case typeBytes:
		return p.take(p.uint())
	case typeJSON:
		return json.RawMessage(p.take(p.uint()))
	case typeTime:
		seconds, nanoseconds := p.int(), p.uint()
		return time.Unix(seconds, int64(min(nanoseconds, 999_999_999))).UTC()
	default:
		p.fail()
	}
	return nil
}

func appendTask(b []byte, t *task) ([]byte, error) {
	b = append(b, byte(t.kind))
	for _, s := range []string{t.Table, t.ID, t.Source, t.Target, t.Job, t.Date} {
		b = appendString(b, s)
	}
	if t.kind != resolve {
		return appendEntity(b, t.Entity)
	}
	b, err := appendSide(b, t.conflict.Local)
	if err != nil {
		return nil, err
	}
	return appendSide(b, t.conflict.Incoming)
}

func appendSide(b []byte, s Side) ([]byte, error) {
	b = appendString(binary.AppendVarint(b, s.Time), s.Origin)
	return appendEntity(b, s.Entity)
}

func (p *decoder) task() (t task) {
	t.kind = taskKind(p.byte())
	t.Table, t.ID, t.Source, t.Target, t.Job, t.Date = p.string(), p.string(), p.string(), p.string(), p.string(), p.string()
	if t.kind != resolve {
		t.Entity = p.entity()
		return t
	}
	t.conflict = Conflict{Table: t.Table, ID: t.ID, Local: p.side(), Incoming: p.side()}
	return t
}

func (p *decoder) side() (s Side) {
	s.Version = change.Version{Time: p.int(), Origin: p.string()}
	s.Entity = p.entity()
	return s
}

// The kinds of results.
const (
	resultRow = iota
	resultDropped
	resultError
	resultCanceled
	resultSame // the row that the task was given
)

// appendResult appends a result. If a Go error behind it came from a query or a message, it goes as the number that the
// other side gave it.
func appendResult(b []byte, r *Result) ([]byte, error) {
	switch {
	case r.Same:
		return append(b, resultSame), nil
	case r.Err == nil:
		return appendEntity(appendString(append(b, resultRow), r.ID), r.Entity)
	case errors.Is(r.Err, ErrDropped):
		return append(b, resultDropped), nil
	case errors.Is(r.Err, context.Canceled):
		return append(b, resultCanceled), nil
	}
	where, text, own, cause := "", r.Err.Error(), false, uint64(0)
	if s, ok := errors.AsType[*scriptError](r.Err); ok {
		where, text, own = s.where, s.text, s.cause == nil
	}
	if e, ok := errors.AsType[*answerError](r.Err); ok {
		cause = e.request
	}
	b = appendString(appendString(append(b, resultError), where), sendable(text))
	return binary.AppendUvarint(appendBool(b, own), cause), nil
}

// result returns the result of a task, nil for that of a check; shown is what people may see of a text, and cause finds the
// error with a number.
func (p *decoder) result(t *task, file string, shown func(string) string, cause func(request uint64) error) (r Result) {
	switch p.byte() {
	case resultRow:
		r.ID = p.string()
		r.Entity = p.entity()
	case resultSame:
		if t == nil || t.kind != upsert {
			p.fail()
			break
		}
		r.Entity, r.Same = t.Entity, true
	case resultDropped:
		r.Err = ErrDropped
	case resultCanceled:
		r.Err = context.Canceled
	case resultError:
		e := &scriptError{where: p.string(), text: shown(p.string())}
		if e.where == "" {
			e.where = file
		}
		own := p.bool()
		if e.cause = cause(p.uint()); e.cause == nil && !own {
			e.cause = errApart
		}
		r.Err = e
	default:
		p.fail()
	}
	return r
}

// errApart stands for an error behind a script's error that stayed in its process.
var errApart = errors.New("an error in the scripts' process")

// answerError is the error of a query or a message, which the node identifies by its request.
type answerError struct {
	request uint64
	text    string
}

func (e *answerError) Error() string { return e.text }
