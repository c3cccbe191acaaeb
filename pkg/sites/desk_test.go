package sites_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// desk is a running desk, with what it has published and the sites for which it has requested a restart.
type desk struct {
	*sites.Desk
	node    *config.Config
	db      *mysqldb.DB
	answers chan []byte
	changed chan struct{}
	users   chan []config.BrokerUser
	failed  error // of the broker
	logs    *observer.ObservedLogs
}

func opened(t *testing.T, tables ...string) *desk {
	t.Helper()
	db := testkit.OwnSchema(t, `CREATE TABLE orders (id INT PRIMARY KEY)`, `CREATE TABLE prices (id INT PRIMARY KEY)`)
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
		t.Fatal(err)
	}
	d := &desk{db: db, answers: make(chan []byte, 100), changed: make(chan struct{}, 10), users: make(chan []config.BrokerUser, 100)}
	d.node = hub(t, tables...)
	d.again(t)
	return d
}

// again runs a new desk, as a node does that replaces another.
func (d *desk) again(t *testing.T) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	d.logs = logs
	desk := sites.New(sites.Config{
		Log: zap.New(core), Node: d.node, DB: d.db,
		Publish: func(_ context.Context, _ string, payload []byte) error { d.answers <- payload; return nil },
		Broker:  func(_ context.Context, c config.Broker) error { d.users <- c.Users; return d.failed },
		Changed: func(context.Context) { d.changed <- struct{}{} },
	})
	d.Desk = desk
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- desk.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (d *desk) invites(t *testing.T, a sites.Ask) join.Token {
	t.Helper()
	token, err := sites.Invite(t.Context(), d.db, a)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const ask = "00112233445566ff"

// asks sends a request with a key of its own and returns the answer.
func (d *desk) asks(t *testing.T, token join.Token, key join.PrivateKey, site string) join.Answer {
	t.Helper()
	message, shared, err := join.Request{Ask: ask, Site: site, Secret: token.Secret}.Seal(key, token.HubKey, token.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.Hear(wire.Topic{Kind: wire.JoinTo, Client: "store-hq", Invitation: token.ID, Ask: ask}, message)
	payload := <-d.answers
	if bytes.Equal(payload, join.UnknownInTheClear) {
		return join.Answer{Refused: join.Unknown}
	}
	a, err := join.OpenAnswer(payload, shared, ask)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) join.PrivateKey {
	t.Helper()
	k, err := join.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Nothing by which an invitation could be used, or a site could be impersonated after its dismissal, is in the database.
func TestTheDatabaseHasOnlyHashes(t *testing.T) {
	t.Parallel()
	d := opened(t)
	token := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1, Made: true})
	key := newKey(t)
	if a := d.asks(t, token, key, "store-1"); a.Refused != "" || a.Profile == nil || a.Count != 2 || len(a.Tables) != 2 {
		t.Fatalf("%+v", a)
	}
	<-d.changed
	shared, err := key.With(token.HubKey, key.Public(), token.ID)
	if err != nil {
		t.Fatal(err)
	}
	dump := func() string {
		var all strings.Builder
		for _, table := range []string{"sync_invitations", "sync_sites"} {
			err := mysqldb.Each(t.Context(), d.db, "SELECT * FROM "+table, nil, func(r *sql.Rows) error {
				columns, err := r.Columns()
				if err != nil {
					return err
				}
				row := make([]sql.RawBytes, len(columns))
				into := make([]any, len(columns))
				for i := range row {
					into[i] = &row[i]
				}
				if err := r.Scan(into...); err != nil {
					return err
				}
				for _, v := range row {
					all.Write(v)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return all.String()
	}
	pair := shared.Key()
	for what, secret := range map[string]string{"token": string(token.Secret[:]), "guest's password": string(token.Password), "site's password": string(shared.Password())} {
		if strings.Contains(dump(), secret) {
			t.Errorf("the %s is in the database", what)
		}
	}
	if !strings.Contains(dump(), string(pair[:])) {
		t.Error("the hub does not know the site's key")
	}
	if err := sites.Dismiss(t.Context(), d.db, "store-1"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump(), string(pair[:])) {
		t.Error("the dismissed site's key is still there")
	}
	if j, err := sites.Joined(t.Context(), d.db, d.Node); err != nil || len(j.Sites) != 0 {
		t.Errorf("%+v, %v", j, err)
	}
	if a := d.asks(t, token, key, "store-1"); a.Refused != join.Dismissed {
		t.Errorf("%+v", a)
	}
}

// However many sites use a token at once, only one gets in, and only that one again.
func TestATokenLetsInAsManyAsItSays(t *testing.T) {
	t.Parallel()
	d := opened(t)
	token := d.invites(t, sites.Ask{Site: "store-*", For: time.Hour, Uses: 2})
	var in []int
	keys := make([]join.PrivateKey, 6)
	for i := range keys {
		keys[i] = newKey(t)
		if a := d.asks(t, token, keys[i], fmt.Sprint("store-", i)); a.Refused == "" {
			in = append(in, i)
		} else if a.Refused != join.UsedUp {
			t.Errorf("%d: %s", i, a.Refused)
		}
	}
	if len(in) != 2 {
		t.Fatalf("%d got in: %v", len(in), in)
	}
	if a := d.asks(t, token, keys[in[0]], fmt.Sprint("store-", in[0])); a.Refused != "" {
		t.Errorf("the same site, again: %s", a.Refused)
	}
	if a := d.asks(t, token, keys[5], fmt.Sprint("store-", in[0])); a.Refused != join.UsedUp {
		t.Errorf("another site in its name: %q", a.Refused)
	}
}

// Anything but a request for an open invitation changes nothing and gets no answer, except that an unknown invitation
// is reported.
func TestForeignRequestsAreHarmless(t *testing.T) {
	t.Parallel()
	d := opened(t)
	token := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1})
	topic := wire.Topic{Kind: wire.JoinTo, Client: "store-hq", Invitation: token.ID, Ask: ask}
	for _, payload := range [][]byte{nil, []byte("{}"), bytes.Repeat([]byte{7}, 4000)} {
		d.Hear(topic, payload)
	}
	elsewhere := token
	elsewhere.ID = "ffffffffffffffff"
	if a := d.asks(t, elsewhere, newKey(t), "store-1"); a.Refused != join.Unknown {
		t.Errorf("%+v", a)
	}
	other := token
	other.Secret[0]++
	if a := d.asks(t, other, newKey(t), "store-1"); a.Refused != join.Unknown {
		t.Errorf("%+v", a)
	}
	if n, err := sites.Withdraw(t.Context(), d.db, "store-1"); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if a := d.asks(t, token, newKey(t), "store-1"); a.Refused != join.Withdrawn {
		t.Errorf("%+v", a)
	}
	if _, all, _, err := sites.List(t.Context(), d.db); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// A site that waits asks every few seconds, and one that is refused may ask as often as it likes: the log stays short.
func TestRequestsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	d := opened(t)
	token, key := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1, Asks: true}), newKey(t)
	for range 30 {
		if a := d.asks(t, token, key, "store-1"); !a.Waits {
			t.Fatalf("%+v", a)
		}
		if a := d.asks(t, token, newKey(t), "store-1"); a.Refused != join.UsedUp {
			t.Fatalf("%+v", a)
		}
	}
	if n := d.logs.FilterMessageSnippet("a site asks to be let in").Len(); n != 1 {
		t.Errorf("%d lines about one site that asks", n)
	}
	if n := d.logs.FilterMessage("a site was refused").Len(); n < 1 || n > 20 {
		t.Errorf("%d lines about refused sites", n)
	}
}

// A site that is let in starts afresh: what was remembered of an earlier site of its name is gone, and nothing else.
func TestASiteBeginsAnew(t *testing.T) {
	t.Parallel()
	d := opened(t)
	for _, q := range []string{`INSERT INTO sync_remotes (remote, position, shown) VALUES ('store-1', 7, 7), ('store-2', 8, 8)`, `INSERT INTO sync_clients (client, protocol, met_at) VALUES ('store-1', 2, NOW())`} {
		if _, err := d.db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	token := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1, Asks: true})
	if a := d.asks(t, token, newKey(t), "store-1"); !a.Waits || a.Profile != nil || len(a.Tables) > 0 {
		t.Errorf("what only a site may know is told to one that asks: %+v", a)
	}
	if err := sites.Accept(t.Context(), d.db, "store-1"); err != nil {
		t.Fatal(err)
	}
	<-d.changed
	var remotes, clients int
	if err := d.db.GetContext(t.Context(), &remotes, `SELECT SUM(position) FROM sync_remotes`); err != nil {
		t.Fatal(err)
	}
	if err := d.db.GetContext(t.Context(), &clients, `SELECT COUNT(*) FROM sync_clients`); err != nil {
		t.Fatal(err)
	}
	if remotes != 8 || clients != 0 {
		t.Errorf("places: %d, clients: %d", remotes, clients)
	}
}

// Definitions that do not fit into one message come in several.
func TestManyDefinitionsComeInParts(t *testing.T) {
	t.Parallel()
	large := []string{"t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"}
	d := opened(t, large...)
	var columns strings.Builder
	for range 300 {
		fmt.Fprintf(&columns, ", `%x` INT COMMENT '%x'", newKey(t).Reveal()[:20], newKey(t).Reveal())
	}
	for _, table := range large {
		if _, err := d.db.ExecContext(t.Context(), "CREATE TABLE "+table+" (id INT PRIMARY KEY"+columns.String()+")"); err != nil {
			t.Fatal(err)
		}
	}
	token := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1})
	key := newKey(t)
	var names []string
	for from, parts := 0, 0; from < 10 || parts < 2; parts++ {
		message, shared, err := join.Request{Ask: ask, Site: "store-1", Secret: token.Secret, From: from}.Seal(key, token.HubKey, token.ID)
		if err != nil {
			t.Fatal(err)
		}
		d.Hear(wire.Topic{Invitation: token.ID, Ask: ask}, message)
		a, err := join.OpenAnswer(<-d.answers, shared, ask)
		if err != nil || len(a.Tables) == 0 || a.Count != 10 {
			t.Fatalf("%d of %d, %v", len(a.Tables), a.Count, err)
		}
		for _, text := range a.Tables {
			var table struct{ Name string }
			if err := json.Unmarshal(text, &table); err != nil {
				t.Fatal(err)
			}
			names = append(names, table.Name)
		}
		from += len(a.Tables)
	}
	if strings.Join(names, " ") != "orders prices t1 t2 t3 t4 t5 t6 t7 t8" {
		t.Errorf("got %q", names)
	}
}

// A hub whose database is restored from a backup does not let a dismissed site in again; a new invitation does.
func TestABackupLetsNoDismissedSiteIn(t *testing.T) {
	t.Parallel()
	d := opened(t)
	exec := func(query string) {
		t.Helper()
		if _, err := d.db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	in := func() (list []string) {
		t.Helper()
		j, err := sites.Joined(t.Context(), d.db, d.Node)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range j.Sites {
			list = append(list, s.Client)
		}
		return list
	}
	if a := d.asks(t, d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), newKey(t), "store-1"); a.Refused != "" {
		t.Fatal(a.Refused)
	}
	<-d.changed // that desk has ended its watch
	exec(`CREATE TABLE backup SELECT * FROM sync_sites`)
	if err := sites.Dismiss(t.Context(), d.db, "store-1"); err != nil {
		t.Fatal(err)
	}
	d.again(t)
	testkit.Eventually(t, "the file", func() error { _, err := os.Stat(sites.File(d.Node)); return err })
	exec(`REPLACE INTO sync_sites SELECT * FROM backup`)
	if list := in(); len(list) != 0 {
		t.Errorf("in: %v", list)
	}
	d.again(t) // as the node does after its restart
	testkit.Eventually(t, "the dismissal", func() error {
		_, all, _, err := sites.List(t.Context(), d.db)
		if err == nil && all[0].State != sites.Dismissed {
			err = fmt.Errorf("it is %s", all[0].State)
		}
		return err
	})
	if a := d.asks(t, d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), newKey(t), "store-1"); a.Refused != "" {
		t.Fatal(a.Refused)
	}
	if list := in(); len(list) != 1 {
		t.Errorf("in: %v", list)
	}
}

// A hub whose database is restored from a backup does not let a dismissed site in by a token from before it was dismissed,
// whichever of its rows the backup lacks.
func TestABackupReopensNoTokenForADismissedSite(t *testing.T) {
	t.Parallel()
	d := opened(t)
	exec := func(query string) {
		t.Helper()
		if _, err := d.db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	used, key := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), newKey(t)
	byName, byPattern := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), d.invites(t, sites.Ask{Site: "store-*", For: time.Hour, Uses: 9})
	if a := d.asks(t, used, key, "store-1"); a.Refused != "" {
		t.Fatal(a.Refused)
	}
	<-d.changed
	exec(`CREATE TABLE backup SELECT * FROM sync_sites`)
	if err := sites.Dismiss(t.Context(), d.db, "store-1"); err != nil {
		t.Fatal(err)
	}
	d.again(t)
	<-d.changed // that desk has written the file, and has ended its watch
	refused := func(backup string) {
		t.Helper()
		for what, token := range map[string]join.Token{"used": used, "for its name": byName, "for a pattern": byPattern} {
			if a := d.asks(t, token, key, "store-1"); a.Refused != join.Dismissed {
				t.Errorf("%s: the token that is %s: %+v", backup, what, a)
			}
		}
	}
	exec(`UPDATE sync_invitations SET used = 0`)
	exec(`DELETE FROM sync_sites`)
	refused("from before it joined")
	exec(`INSERT INTO sync_sites SELECT * FROM backup`)
	refused("from when it was in")
	if _, all, _, err := sites.List(t.Context(), d.db); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	exec(`DELETE FROM sync_sites`)
	if a := d.asks(t, byPattern, newKey(t), "store-2"); a.Refused != "" {
		t.Errorf("another site: %s", a.Refused)
	}
	if a := d.asks(t, d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), newKey(t), "store-1"); a.Refused != "" {
		t.Errorf("a new token: %s", a.Refused)
	}
}

// The key of an invitation that is over, however that came, goes a day later; until then sites are told why.
func TestKeysOfInvitationsGo(t *testing.T) {
	t.Parallel()
	d := opened(t)
	for _, site := range []string{"store-1", "store-2", "store-3", "store-4"} {
		d.invites(t, sites.Ask{Site: site, For: 1000 * time.Hour, Uses: 1, Made: true})
	}
	for _, q := range []string{
		`UPDATE sync_invitations SET until_at = UTC_TIMESTAMP(6) - INTERVAL 25 HOUR WHERE site = 'store-2'`,
		`UPDATE sync_invitations SET withdrawn_at = UTC_TIMESTAMP(6) - INTERVAL 25 HOUR WHERE site = 'store-3'`,
		`UPDATE sync_invitations SET withdrawn_at = UTC_TIMESTAMP(6) - INTERVAL 23 HOUR WHERE site = 'store-4'`,
	} {
		if _, err := d.db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	d.again(t)
	testkit.Eventually(t, "the keys that are left", func() error {
		var left string
		err := d.db.GetContext(t.Context(), &left, `SELECT GROUP_CONCAT(site ORDER BY site) FROM sync_invitations WHERE hub_key IS NOT NULL`)
		if err == nil && left != "store-1,store-4" {
			err = errors.New(left)
		}
		return err
	})
}

// Neither a full disk nor trouble at the broker keeps a dismissed site in.
func TestADismissalCountsAtOnce(t *testing.T) {
	t.Parallel()
	d := opened(t)
	if a := d.asks(t, d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), newKey(t), "store-1"); a.Refused != "" {
		t.Fatal(a.Refused)
	}
	<-d.changed
	j, err := sites.Joined(t.Context(), d.db, d.Node)
	if err != nil || len(j.Sites) != 1 {
		t.Fatalf("%+v, %v", j, err)
	}
	node := *d.node
	node.QueueDirectory = filepath.Join(t.TempDir(), "queue")
	if err := os.Symlink(node.QueueDirectory+"-elsewhere", node.QueueDirectory); err != nil { // so nothing can be written there
		t.Fatal(err)
	}
	d.node, d.failed = node.With(j), errors.New("the broker's certificate cannot be read")
	d.again(t)
	if err := sites.Dismiss(t.Context(), d.db, "store-1"); err != nil {
		t.Fatal(err)
	}
	<-d.changed
}

// A site that is invited anew at once is let in only once its dismissal is recorded: otherwise an older database would let in the
// one that was dismissed.
func TestADismissalIsRecordedBeforeANewSiteOfItsName(t *testing.T) {
	t.Parallel()
	d := opened(t)
	node := *d.node
	node.QueueDirectory = filepath.Join(t.TempDir(), "queue")
	if err := os.Symlink(node.QueueDirectory+"-elsewhere", node.QueueDirectory); err != nil { // so nothing can be written there
		t.Fatal(err)
	}
	d.node = &node
	d.again(t)
	old := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1})
	if a := d.asks(t, old, newKey(t), "store-1"); a.Refused != "" {
		t.Fatal(a.Refused)
	}
	if err := sites.Dismiss(t.Context(), d.db, "store-1"); err != nil {
		t.Fatal(err)
	}
	again, key := d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), newKey(t)
	message, _, err := join.Request{Ask: ask, Site: "store-1", Secret: again.Secret}.Seal(key, again.HubKey, again.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.Hear(wire.Topic{Kind: wire.JoinTo, Client: "store-hq", Invitation: again.ID, Ask: ask}, message)
	if a := d.asks(t, d.invites(t, sites.Ask{Site: "store-2", For: time.Hour, Uses: 1}), newKey(t), "store-2"); a.Refused != "" {
		t.Fatal(a.Refused) // by now the other request has been decided about
	}
	if err := os.Mkdir(node.QueueDirectory+"-elsewhere", 0o700); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the dismissal in the file", func() error {
		text, err := os.ReadFile(sites.File(&node))
		if err == nil && !strings.Contains(string(text), old.ID) {
			err = errors.New(string(text))
		}
		return err
	})
	if a := d.asks(t, again, key, "store-1"); a.Refused != "" {
		t.Errorf("the site asks again: %s", a.Refused)
	}
}

// A dismissed site has no rights either, even if anyone has, where the database does not know it or cannot be asked.
func TestADismissedSiteIsNotAnyone(t *testing.T) {
	t.Parallel()
	d := opened(t)
	if a := d.asks(t, d.invites(t, sites.Ask{Site: "store-1", For: time.Hour, Uses: 1}), newKey(t), "store-1"); a.Refused != "" {
		t.Fatal(a.Refused)
	}
	if err := sites.Dismiss(t.Context(), d.db, "store-1"); err != nil {
		t.Fatal(err)
	}
	d.again(t)
	testkit.Eventually(t, "the file", func() error { _, err := os.Stat(sites.File(d.Node)); return err })
	if _, err := d.db.ExecContext(t.Context(), `DELETE FROM sync_sites`); err != nil { // a backup from before it joined
		t.Fatal(err)
	}
	file, err := os.ReadFile(sites.File(d.Node))
	if err != nil {
		t.Fatal(err)
	}
	j, err := sites.Joined(t.Context(), d.db, d.Node)
	if err != nil || len(j.Sites) != 0 || !slices.Equal(j.Dismissed, []string{"store-1"}) {
		t.Errorf("%+v, %v", j, err)
	}
	for _, damaged := range []string{"", "null", "[]", `{"store-1": true}`} {
		if err := os.WriteFile(sites.File(d.Node), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if j, err := sites.Joined(t.Context(), d.db, d.Node); err == nil || len(j.Sites) != 0 || !strings.Contains(err.Error(), sites.File(d.Node)+" is damaged; ") {
			t.Errorf("a damaged file, %q, is taken: %+v, %v", damaged, j, err)
		}
	}
	if err := os.WriteFile(sites.File(d.Node), file, 0o600); err != nil {
		t.Fatal(err)
	}
	away := *d.Node
	away.MySQL.Host, away.MySQL.Port = "127.0.0.1", testkit.FreePort(t)
	cfg, err := sites.Of(t.Context(), &away)
	if err == nil || !slices.Equal(cfg.Joined.Dismissed, []string{"store-1"}) {
		t.Errorf("%v, %v", cfg.Joined.Dismissed, err)
	}
}

// A person lets in, or dismisses, the site whose characters were compared, and no other that asks under its name meanwhile.
func TestAPersonSettlesWhoWasCompared(t *testing.T) {
	t.Parallel()
	d := opened(t)
	for _, name := range []string{"store-1", "store-2"} {
		if a := d.asks(t, d.invites(t, sites.Ask{Site: name, For: time.Hour, Uses: 1, Asks: true}), newKey(t), name); !a.Waits {
			t.Fatalf("%+v", a)
		}
	}
	_, list, _, err := sites.List(t.Context(), d.db)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, x := range []struct {
		w    sites.Waiting
		in   bool
		want error
	}{
		{sites.Waiting{Site: "store-1", Words: list[1].Words}, true, sites.ErrWords},
		{sites.Waiting{Site: "store-2", Words: ""}, false, sites.ErrWords},
		{sites.Waiting{Site: "store-3", Words: list[0].Words}, true, sites.ErrNoSite},
		{sites.Waiting{Site: "store-1", Words: list[0].Words}, true, nil},
		{sites.Waiting{Site: "store-2", Words: list[1].Words}, false, nil},
		{sites.Waiting{Site: "store-1", Words: list[0].Words}, false, sites.ErrNotAsking},
		{sites.Waiting{Site: "store-2", Words: list[1].Words}, true, sites.ErrNotAsking},
	} {
		if err := sites.Settle(t.Context(), d.db, x.w, x.in); !errors.Is(err, x.want) {
			t.Errorf("%d: %v, want %v", i, err, x.want)
		}
	}
	_, list, _, err = sites.List(t.Context(), d.db)
	if err != nil || list[0].State != sites.In || list[1].State != sites.Dismissed {
		t.Errorf("%+v, %v", list, err)
	}
}
