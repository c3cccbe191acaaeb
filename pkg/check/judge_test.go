package check

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestPrivilegesAreReadFromGrants(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines []string
		table string // where the user has UPDATE; "" is nowhere
		not   string
	}{
		"all of a database":              {[]string{"GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*0123 ON `shop`.* TO'", "GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`%` WITH GRANT OPTION"}, "*", ""},
		"a global privilege":             {[]string{"GRANT SELECT, UPDATE ON *.* TO `u`@`%`"}, "*", ""},
		"a wildcard":                     {[]string{"GRANT UPDATE ON `sh%`.* TO `u`@`%`"}, "*", ""},
		"another database":               {[]string{"GRANT UPDATE ON `shops`.* TO `u`@`%`", "GRANT UPDATE ON `s_p`.* TO `u`@`%`"}, "", "orders"},
		"one table":                      {[]string{"GRANT UPDATE ON `shop`.`orders` TO `u`@`%`"}, "orders", "items"},
		"some columns":                   {[]string{"GRANT SELECT, UPDATE (`a`, `b`), INSERT ON `shop`.`orders` TO `u`@`%`"}, "", "orders"},
		"the most specific grant counts": {[]string{"GRANT UPDATE ON `sho_`.* TO `u`@`%`", "GRANT SELECT ON `shop`.* TO `u`@`%`"}, "", "orders"},
		"a role has its own":             {[]string{"GRANT `r` TO `u`@`%`", "GRANT UPDATE ON `sho_`.* TO `r`", "GRANT SELECT ON `shop`.* TO `u`@`%`"}, "*", ""},
		"a partial revoke":               {[]string{"GRANT SELECT, UPDATE ON *.* TO `u`@`%`", "REVOKE UPDATE ON `shop`.* FROM `u`@`%`"}, "", "orders"},
		"not a grant":                    {[]string{"", "GRANT PROXY ON ''@'' TO 'root'@'localhost'", "GRANT", "GRANT UPDATE ON", "\xff"}, "", "orders"},
	} {
		g := parseGrants("shop", test.lines)
		if test.table != "" && !g.has("UPDATE", test.table) {
			t.Errorf("%s: the privilege is not seen", name)
		}
		if test.not != "" && g.has("UPDATE", test.not) {
			t.Errorf("%s: a privilege is seen that does not exist", name)
		}
	}
}

func TestVersionsOfServers(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]finding.Level{
		"10.11.19-MariaDB-0+deb12u1": finding.Right, "10.6.1-MariaDB": finding.Right, "5.5.5-10.5.8-MariaDB": finding.Right, "5.5.5-10.4.34-MariaDB": finding.Warning, "12.0.2-MariaDB-log": finding.Right,
		"9.7.0": finding.Right, "8.0.46-log": finding.Right, "5.7.44": finding.Warning, "nonsense": finding.Warning, "": finding.Warning,
	} {
		f := &finding.List{}
		judgeVersion(f, &server{version: version, mariaDB: strings.Contains(version, "MariaDB")})
		if f.Found[0].Level != want {
			t.Errorf("%q is %+v", version, f.Found[0])
		}
	}
}

func TestReplicasAndClusters(t *testing.T) {
	t.Parallel()
	judge := func(s *server, g *grants) []finding.Finding {
		f := &finding.List{Area: AreaDatabase}
		judgeWriting(f, s, g)
		return f.Found
	}
	nobody := parseGrants("shop", nil)
	for name, test := range map[string]struct {
		s    *server
		want finding.Level
		text string
	}{
		"a replica":                      {&server{replica: true, variables: map[string]string{"slave_run_triggers_for_rbr": "NO"}}, finding.Warning, "fire no triggers"},
		"a replica with triggers":        {&server{replica: true, variables: map[string]string{"slave_run_triggers_for_rbr": "YES"}}, finding.Right, ""},
		"super_read_only stops everyone": {&server{variables: map[string]string{"super_read_only": "ON", "read_only": "ON"}}, finding.Mistake, "accepts no writes"},
		"Galera":                         {&server{variables: map[string]string{"wsrep_on": "ON"}}, finding.Warning, "Galera"},
		"MariaDB 12's read_only":         {&server{variables: map[string]string{"read_only": "NO_LOCK"}}, finding.Mistake, "accepts no writes"},
	} {
		got := judge(test.s, nobody)
		if finding.Worst(got) != test.want || test.text != "" && !strings.Contains(got[0].Text, test.text) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestRemoteClocksAreInferredFromPresence has heartbeats of clients whose clocks are off, and of
// one that polls slowly.
func TestRemoteClocksAreInferredFromPresence(t *testing.T) {
	t.Parallel()
	now := time.Now()
	beats := func(ahead, checkInterval time.Duration, n int) (list []beat) {
		for i := range n {
			at := now.Add(time.Duration(i) * (checkInterval + 2*time.Second))
			list = append(list, beat{at, at.Add(ahead + 2*checkInterval + 3*time.Second)})
		}
		return list
	}
	for name, test := range map[string]struct {
		beats []beat
		want  finding.Level
		text  string
	}{
		"right":                    {beats(0, time.Second, 3), finding.Right, "at most"},
		"a slow poll":              {beats(0, 10*time.Minute, 2), finding.Right, "at most"},
		"behind, in one message":   {beats(-time.Hour, time.Second, 1), finding.Warning, "behind"},
		"behind, in two":           {beats(-time.Hour, time.Second, 2), finding.Warning, "1h0m0s behind"},
		"ahead":                    {beats(time.Minute, time.Second, 2), finding.Warning, "1m0s ahead of"},
		"ahead by days":            {beats(72*time.Hour, time.Second, 2), finding.Mistake, "refused by the others"},
		"out of order":             {[]beat{beats(0, time.Minute, 1)[0], {now.Add(time.Second), now.Add(124 * time.Second)}}, finding.Right, ""},
		"nothing":                  {nil, finding.Right, ""},
		"slightly, as networks do": {beats(3*time.Second, time.Second, 2), finding.Right, ""},
	} {
		f := &finding.List{Area: AreaRemotes}
		judgePeerClock(f, "node-b", test.beats, nil)
		if finding.Worst(f.Found) != test.want || test.text != "" && !strings.Contains(f.Found[0].Text, test.text) {
			t.Errorf("%s: %+v", name, f.Found)
		}
	}
}

// TestForeignTextIsSafeForATerminal has an announcement with control characters.
func TestForeignTextIsSafeForATerminal(t *testing.T) {
	t.Parallel()
	h := newHeard()
	h.announced(wire.Node{Client: "node-b", Protocol: 2, Version: "1\x1b[2J\n\u202e2" + strings.Repeat("9", 1000)})
	f := &finding.List{Area: AreaRemotes}
	judgeRemotes(f, &config.Config{ClientName: "node-a", RemoteClients: []string{"node-b"}}, h)
	for _, x := range f.Found {
		if strings.ContainsAny(x.Text, "\x1b\n\u202e") || len(x.Text) > 200 {
			t.Errorf("%q", x.Text)
		}
	}
}

func TestInventedNamesTakeNoMemory(t *testing.T) {
	t.Parallel()
	h := newHeard()
	for i := range peersMost + 10 {
		h.presence(wire.Info{Sender: "x" + strings.Repeat("y", i%7) + time.Duration(i).String(), Message: wire.Connected}, time.Now())
	}
	if len(h.client) > peersMost {
		t.Errorf("%d clients are remembered", len(h.client))
	}
}

func TestKeysSharedByTwoNodes(t *testing.T) {
	t.Parallel()
	key := func(id string) seal.Key {
		secret, err := seal.NewSecret(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return seal.Key{ID: id, Secret: secret}
	}
	ours, other := key("one"), key("one")
	announced := func(k seal.Key) *wire.Node {
		n := &wire.Node{Client: "node-b", Protocol: 2}
		s, err := seal.NewSession("node-b", seal.NewRing([]seal.Key{k}, nil), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		boxes, err := s.Boxes(n.Encode())
		if err != nil {
			t.Fatal(err)
		}
		nonce := s.Nonce()
		n.Seal = &wire.Seal{Nonce: nonce[:], Boxes: boxes.First, Second: boxes.Second}
		return n
	}
	clear := &wire.Node{Client: "node-b", Protocol: 2}
	for name, test := range map[string]struct {
		e    config.Encryption
		n    *wire.Node
		want finding.Level
		text string
	}{
		"no encryption":                     {config.Encryption{}, clear, finding.Right, ""},
		"the same key":                      {config.Encryption{Keys: []seal.Key{ours}, Required: []string{"*"}}, announced(ours), finding.Right, "share a key"},
		"another key":                       {config.Encryption{Keys: []seal.Key{ours}}, announced(other), finding.Mistake, "no key in common"},
		"a key with another name":           {config.Encryption{Keys: []seal.Key{ours}}, announced(key("two")), finding.Mistake, "no key in common"},
		"only the remote has a key":         {config.Encryption{}, announced(other), finding.Warning, "this node has none"},
		"required, but the remote has none": {config.Encryption{Keys: []seal.Key{ours}, Required: []string{"node-b"}}, clear, finding.Mistake, "nothing is exchanged"},
		"garbage":                           {config.Encryption{Keys: []seal.Key{ours}}, &wire.Node{Client: "node-b", Seal: &wire.Seal{Boxes: map[string][]byte{"one": {1}}}}, finding.Mistake, "no key in common"},
	} {
		f := &finding.List{Area: AreaRemotes}
		judgeSealing(f, &config.Config{ClientName: "node-a", Encryption: test.e}, "node-b", test.n)
		if finding.Worst(f.Found) != test.want || test.text != "" && !strings.Contains(f.Found[0].Text, test.text) {
			t.Errorf("%s: %+v", name, f.Found)
		}
	}
}

// FuzzGrants feeds arbitrary text as the server's grants.
func FuzzGrants(f *testing.F) {
	f.Add("GRANT SELECT (`a`), INSERT ON `sh_p`.* TO `u`@`%`", "shop", "orders")
	f.Add("REVOKE UPDATE ON `a``b`.`c` FROM `u`@`%`", `a\_b%`, "*")
	f.Add("GRANT () ON *.* TO x", "", "")
	f.Fuzz(func(_ *testing.T, line, database, table string) {
		g := parseGrants(database, strings.Split(line, "\n"))
		for _, p := range Privileges {
			g.has(p, table)
			g.global(p)
		}
		g.target()
	})
}

// A remote that cannot report its keys is listed once: one that does not know the question, or
// answers without them. One that does not sync a table is not.
func TestRemotesThatCannotReportTheirKeysAreListed(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{ClientName: "node-a", RemoteClients: []string{"node-b"}, SyncTables: []string{"orders", "items"}}
	tables := []*schema.Table{{Name: "orders"}, {Name: "items"}}
	for name, x := range map[string]struct {
		answers []wire.Answer
		older   bool
	}{
		"older":            {[]wire.Answer{{Error: `"columns" ` + wire.UnknownQuestion}, {Error: `"columns" ` + wire.UnknownQuestion}}, true},
		"a little older":   {[]wire.Answer{{Definition: wire.Definition{Columns: []wire.VerifyColumn{{Name: "id", DataType: "int", Type: "int"}}}}, {}}, true},
		"not synced there": {[]wire.Answer{{Error: `table "orders" is not synced here`}, {Error: `table "items" is not synced here`}}, false},
	} {
		h := newHeard()
		h.announced(wire.Node{Client: "node-b", Protocol: 2, ReceiveTables: cfg.SyncTables})
		p := h.of("node-b")
		p.columns = map[int]*comparison{}
		for i := range x.answers {
			p.columns[i] = &comparison{answer: &x.answers[i]}
		}
		f := &finding.List{Area: AreaRemotes}
		judgeKeys(f, cfg, h, tables)
		if told := len(f.Found) == 1 && f.Found[0].Level == finding.Warning && strings.Contains(f.Found[0].Text, "older version"); told != x.older || !x.older && len(f.Found) > 0 {
			t.Errorf("%s: %+v", name, f.Found)
		}
	}
}
