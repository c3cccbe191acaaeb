package remote_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// A body whose large parts are sent from where they are arrives whole, also when it is sent again; one that has left is a
// doubt, as any other.
func TestLargePartsOfABodyAreNotCopied(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("x"), remote.Large)
	var before [][]byte
	text := []byte("[")
	for _, part := range [][]byte{large, []byte("small"), large, large} {
		before, text = remote.Append(before, text, part)
		text = append(text, ',')
	}
	if len(before) != 6 || &before[1][0] != &large[0] || string(before[2]) != ",small," {
		t.Errorf("%d parts", len(before))
	}
	want := "[" + string(large) + ",small," + string(large) + "," + string(large) + ","
	var tries atomic.Int32
	c := serve(t, remote.Config{}, func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if string(got) != want || err != nil || r.ContentLength != int64(len(want)) {
			t.Errorf("%d bytes of %d arrived, %d were announced, %v", len(got), len(want), r.ContentLength, err)
		}
		switch tries.Add(1) {
		case 1:
			w.WriteHeader(http.StatusTooManyRequests)
		case 3:
			panic(http.ErrAbortHandler)
		}
	})
	r := &remote.Request{Operation: "send", Method: "POST", Path: "in", Before: before, Body: text}
	if _, err := c.Do(t.Context(), r); err != nil || tries.Load() != 2 {
		t.Errorf("after %d tries: %v", tries.Load(), err)
	}
	if _, err := c.Do(t.Context(), r); failure(t, err).Next.Do != remote.Doubt {
		t.Errorf("%v", err)
	}
	var would string
	dry := serve(t, remote.Config{Dry: func(s remote.Sent) { would = string(s.Body) }}, nil)
	if _, err := dry.Do(t.Context(), r); err == nil || !strings.HasPrefix(would, "[xxx") || len(would) != len(want) {
		t.Errorf("%d bytes would have been sent, %v", len(would), err)
	}
}
