package remote

import (
	"bytes"
	"io"
	"sync/atomic"
)

// Large is the size, in bytes, from which a part of a body is sent from where it is: a copy would double what it takes.
const Large = 1 << 20

// Append adds a part to the text of a body that is being written: it appends a small part to the text, and puts a large one
// behind it, after which a new text begins. The result is a request's Before and Body. Large parts must not change until
// the request is answered.
func Append(before [][]byte, text, part []byte) ([][]byte, []byte) {
	if len(part) < Large {
		return before, append(text, part...)
	}
	return append(before, text, part), nil
}

// length is the size of a request's body in bytes.
func (r *Request) length() int {
	n := len(r.Body)
	for _, part := range r.Before {
		n += len(part)
	}
	return n
}

// WriteBody writes a request's body, such as to a hash.
func (r *Request) WriteBody(w io.Writer) error {
	for _, part := range r.Before {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	_, err := w.Write(r.Body)
	return err
}

// text is a request's body as one text.
func (r *Request) text() []byte {
	if len(r.Before) == 0 {
		return r.Body
	}
	var b bytes.Buffer
	_ = r.WriteBody(&b) // a buffer accepts everything
	return b.Bytes()
}

// body reads a request's body, and notes when its end has been read for sending.
type body struct {
	part *bytes.Reader
	rest [][]byte
	left int
	sent *atomic.Bool
}

func newBody(r *Request, sent *atomic.Bool) *body {
	b := &body{part: bytes.NewReader(r.Body), left: r.length(), sent: sent}
	if len(r.Before) > 0 {
		b.rest = append(append(b.rest, r.Before...), r.Body)
		b.part.Reset(nil)
	}
	return b
}

func (b *body) Read(p []byte) (n int, err error) {
	for b.part.Len() == 0 && len(b.rest) > 0 {
		b.part.Reset(b.rest[0])
		b.rest = b.rest[1:]
	}
	n, err = b.part.Read(p)
	if b.left -= n; b.left == 0 {
		b.sent.Store(true)
	}
	return n, err
}

func (b *body) Close() error { return nil }
