package wire

import (
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

func TestTokensAndWithdrawnRowsTravel(t *testing.T) {
	v := change.State{Version: change.Version{Time: 5, Origin: "hub"}}
	want := &Batch{Sent: 1, Changes: []change.Change{
		{Row: change.Row{Table: "t", Key: "1"}, State: v, Columns: []string{"id"}, Values: [][]byte{[]byte("1")}, Token: 1 << 61},
		{Row: change.Row{Table: "t", Key: "2"}, State: v, Columns: []string{"id"}, Values: [][]byte{[]byte("2")}, Token: 7, OnlyMissing: true},
		{Row: change.Row{Table: "t", Key: "3"}, State: v, Token: 8, Withdrawn: true},
		{Row: change.Row{Table: "t", Key: "4"}, State: v, Token: 9},
		{Row: change.Row{Table: "t", Key: "5"}, State: v},
	}}
	got := &Batch{}
	if err := decodeBody(want.appendBody(nil), got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v (%v)", got, want, err)
	}
}

func TestWithdrawnRowNeedsAToken(t *testing.T) {
	v := change.State{Version: change.Version{Time: 5, Origin: "hub"}}
	body := (&Batch{Changes: []change.Change{{Row: change.Row{Table: "t", Key: "1"}, State: v, Withdrawn: true}}}).appendBody(nil)
	if err := decodeBody(body, &Batch{}); err == nil {
		t.Error("it is accepted")
	}
}
