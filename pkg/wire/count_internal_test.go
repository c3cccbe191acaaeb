package wire

import (
	"fmt"
	"strings"
	"testing"
)

// TestListsAreCountedBeforeTheyAreRead: a list item takes two bytes in a message and many times that in memory.
func TestListsAreCountedBeforeTheyAreRead(t *testing.T) {
	var boxes strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&boxes, `,"%x":""`, i)
	}
	for what, read := range map[string]func() error{
		"rows of an ack": func() error {
			_, err := ParseAck([]byte(`{"session":"1","seq":1,"failed":[{}` + strings.Repeat(",{}", 160_000) + `]}`))
			return err
		},
		"keys of an ack": func() error {
			_, err := ParseAck([]byte(`{"freed":[{"table":"t","keys":[""` + strings.Repeat(`,""`, 160_000) + `]}]}`))
			return err
		},
		"tables of an announcement": func() error {
			_, err := ParseNode("node-a", []byte(`{"client":"node-a","protocol":2,"receiveTables":[""`+strings.Repeat(`,""`, 300_000)+`]}`))
			return err
		},
		"boxes of an announcement": func() error {
			_, err := ParseNode("node-a", []byte(`{"client":"node-a","protocol":2,"seal":{"boxes":{"":""`+boxes.String()+`}}}`))
			return err
		},
	} {
		var err error
		if n := testing.AllocsPerRun(1, func() { err = read() }); err == nil || n > 100 {
			t.Errorf("%s: %v, after %v allocations", what, err, n)
		}
	}
	ack := Ack{Session: 1, Seq: 1, Failed: make([]Reject, maxRows), Held: make([]Held, MostHeld)}
	if _, err := ParseAck(ack.Encode()); err != nil {
		t.Errorf("an ack of the largest batch: %v", err)
	}
	node := Node{Client: "node-a", Protocol: Protocol, ReceiveTables: make([]string, mostTables)}
	if _, err := ParseNode("node-a", node.Encode()); err != nil {
		t.Errorf("an announcement of %d tables: %v", mostTables, err)
	}
}
