package mesh_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// If there is no room for all, the configured clients come first, then those met last. A client
// that is met again keeps its place and protocol; how it tells its presence is what it announced last.
func TestConfiguredClientsAreRecalledFirst(t *testing.T) {
	t.Parallel()
	clients := mesh.Clients{DB: testkit.OwnSchema(t)}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, list := range [][]string{{"node-b"}, {"stranger-1", "node-c"}, {"stranger-2"}, {"stranger-3"}, {"stranger-1"}} {
		var met []mesh.Met
		for _, client := range list {
			met = append(met, mesh.Met{Client: client, Here: i > 0})
		}
		if err := clients.Note(t.Context(), met, at.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		named []string
		most  int
		want  []string
	}{
		{[]string{"node-b", "node-c"}, 3, []string{"node-c", "node-b", "stranger-3"}},
		{[]string{"node-b", "node-d"}, 4, []string{"node-b", "stranger-3", "stranger-2", ""}},
		{nil, 2, []string{"stranger-3", "stranger-2"}},
	} {
		met, err := clients.Met(t.Context(), x.named, x.most)
		var got []string
		for _, m := range met {
			if got = append(got, m.Client); m.Here == (m.Client == "node-b") {
				t.Errorf("%+v", m)
			}
		}
		if err != nil || len(got) != len(x.want) {
			t.Fatalf("%q, %v", got, err)
		}
		if x.want[len(x.want)-1] == "" { // two were met at the same time
			got, x.want = got[:3], x.want[:3]
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("of %q %d: %q, want %q", x.named, x.most, got, x.want)
		}
	}
}
