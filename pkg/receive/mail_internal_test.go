package receive

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func letter(kind wire.Kind, sender, text string) Letter {
	t := wire.Topic{Kind: kind, Client: "node-a", Sender: sender}
	if kind == wire.Announce {
		t = wire.Topic{Kind: kind, Client: sender}
	}
	return Letter{Topic: t, Sender: sender, Payload: []byte(text)}
}

// TestMailTakesTurns: a busy client holds up only itself, and waiting mail is bounded, per client and in total.
func TestMailTakesTurns(t *testing.T) {
	t.Parallel()
	var named []string
	for i := range 30 {
		named = append(named, fmt.Sprintf("node-%d", i))
	}
	m := NewMail(append(named, "node-b"))
	for _, c := range named {
		for i := 0; m.Put(letter(wire.BatchAckFor, c, long(60<<10))); i++ {
			if i > mailEach/(60<<10) {
				t.Fatalf("%s: %d letters wait", c, i)
			}
		}
	}
	if most := mailAll + mailEach + len(named)*mailLeast; m.bytes > most {
		t.Errorf("%d bytes wait, limit %d", m.bytes, most)
	}
	for i := range 2 {
		if !m.Put(letter(wire.BatchAckFor, "node-b", fmt.Sprint(i))) {
			t.Error("another client has no room")
		}
	}
	if m.Put(letter(wire.VerifyFor, "eve", long(4<<20))) {
		t.Error("a large letter is accepted though much is waiting")
	}
	got := ""
	for n := 1; m.bytes > 0; n++ {
		l, ok := m.take()
		if !ok {
			t.Fatalf("nothing waits, but %d bytes are counted", m.bytes)
		}
		if l.Sender == "node-b" {
			got += string(l.Payload)
			if n > 2*(len(named)+1) {
				t.Errorf("letter %d is read as number %d", len(got), n)
			}
		}
	}
	if _, ok := m.take(); ok || got != "01" {
		t.Errorf("from another client it read %q", got)
	}
}

// TestTheLastAnnouncementIsRead: a waiting one gives way to the client's current one, but not to a retained one.
func TestTheLastAnnouncementIsRead(t *testing.T) {
	t.Parallel()
	m := NewMail([]string{"node-b"})
	kept := func(text string) Letter {
		l := letter(wire.Announce, "node-b", text)
		l.Kept = true
		return l
	}
	for m.Put(letter(wire.BatchAckFor, "node-b", long(1<<10))) {
	}
	for _, l := range []Letter{kept("1"), kept("2"), letter(wire.Announce, "node-b", "3"), letter(wire.Announce, "node-b", "4"), kept("5")} {
		if !m.Put(l) {
			t.Errorf("announcement %s is dropped", l.Payload)
		}
	}
	var read []string
	for {
		l, ok := m.take()
		if !ok {
			break
		}
		if l.Topic.Kind == wire.Announce {
			read = append(read, string(l.Payload))
		}
	}
	if fmt.Sprint(read) != "[4]" || m.bytes != 0 {
		t.Errorf("read %v, %d bytes left", read, m.bytes)
	}
}
