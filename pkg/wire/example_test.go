package wire_test

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// A program that knows only version 1 publishes this on the topic of the client that
// should get the row.
func ExampleChange_Encode() {
	message, err := wire.Change{
		Sender: "berlin", Table: "orders", ID: "7", Date: 1715000000123,
		Entity: value.Entity{{Name: "id", Value: int64(7)}, {Name: "total", Value: "19.90"}},
	}.Encode()
	fmt.Println(wire.Topics("").ChangeOf("hamburg"))
	fmt.Println(string(message), err)
	// Output:
	// /change/hamburg
	// {"sender":"berlin","table":"orders","id":"7","date":1715000000123,"entity":{"id":7,"total":"19.90"}} <nil>
}

func ExampleParseChange() {
	c, err := wire.ParseChange([]byte(`{"sender":"berlin","table":"orders","id":"7","date":1715000000123,"entity":null}`))
	fmt.Println(c.Sender, c.Table, c.ID, c.Entity == nil, err)
	// Output: berlin orders 7 true <nil>
}

func ExampleTopics_Parse() {
	mesh := wire.Topics("acme")
	fmt.Println(mesh.BatchOf("hamburg", "berlin"))
	t := mesh.Parse("acme/batch/hamburg/berlin")
	fmt.Println(t.Kind == wire.BatchTo, t.Client, t.Sender)
	fmt.Println(mesh.Parse("/batch/hamburg/berlin").Kind == wire.Unknown) // of another mesh
	// Output:
	// acme/batch/hamburg/berlin
	// true hamburg berlin
	// true
}

// A batch travels as one message, or as several if it has a large row.
func ExampleCodec() {
	codec, err := wire.NewCodec(wire.BatchRoom)
	if err != nil {
		panic(err)
	}
	messages := codec.Pack(&wire.Batch{Session: 42, Seq: 1, Changes: []change.Change{{
		Row:     change.Row{Table: "orders", Key: "7"},
		State:   change.State{Version: change.Version{Time: 1715000000123456, Origin: "berlin"}},
		Columns: []string{"id", "total"},
		Values:  [][]byte{[]byte("7"), []byte("19.90")},
	}}}, wire.MessageBytes)

	var pieces []wire.Piece
	for _, m := range messages {
		piece, err := wire.ParsePiece(m)
		if err != nil {
			panic(err)
		}
		pieces = append(pieces, piece)
	}
	batch, err := codec.Unpack(pieces)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d %s %s %s\n", batch.Seq, batch.Changes[0].Table, batch.Changes[0].Columns, batch.Changes[0].Values)
	fmt.Println(string(wire.Ack{Session: batch.Session, Seq: batch.Seq}.Encode()))
	// Output:
	// 1 orders [id total] [7 19.90]
	// {"session":"42","seq":1}
}
