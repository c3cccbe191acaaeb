package sites

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/blueprint"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	every      = time.Second // between two checks of who has joined
	purgeEvery = time.Hour
	mostWaits  = 32          // requests that wait to be read; more are dropped, and come again
	saidEvery  = time.Minute // between two log lines about requests that were not answered
	saidMost   = 20          // log lines within saidIn about sites that were refused: whoever has a token can cause them
	saidIn     = 10 * time.Minute
	answerTime = 5 * time.Second // to publish an answer
)

// Config configures a Desk.
type Config struct {
	Log     *zap.Logger
	Node    *config.Config
	DB      *mysqldb.DB
	Publish func(ctx context.Context, topic string, payload []byte) error
	Broker  func(ctx context.Context, c config.Broker) error // gives the embedded broker these users
	LeadKey string                                           // public, for sites that take their configuration from here
	Changed func(ctx context.Context)                        // the sites that are in are no longer those of Node: restart until it works
}

// Desk receives the requests of sites to join a running node. Hear may be called from any goroutine; Run is called
// once.
type Desk struct {
	Config
	refused *zap.Logger
	waits   chan letter
	dropped atomic.Int64
	asking  atomic.Pointer[[]Waiting]
}

type letter struct {
	topic   wire.Topic
	payload []byte
}

// New returns a desk.
func New(c Config) *Desk {
	refused := c.Log.WithOptions(zap.WrapCore(func(to zapcore.Core) zapcore.Core { return zapcore.NewSamplerWithOptions(to, saidIn, saidMost, 0) }))
	return &Desk{Config: c, refused: refused, waits: make(chan letter, mostWaits)}
}

// Hear takes a request, which Run answers. It returns at once.
func (d *Desk) Hear(topic wire.Topic, payload []byte) {
	select {
	case d.waits <- letter{topic, payload}:
	default:
		d.dropped.Add(1) // the site asks again
	}
}

// Waiting is a site that waits to be let in, with the characters to compare.
type Waiting struct {
	Site  string `json:"site"`
	Words string `json:"words"`
}

// Asking returns the sites that wait to be let in.
func (d *Desk) Asking() []Waiting {
	if list := d.asking.Load(); list != nil {
		return *list
	}
	return nil
}

// Run answers requests and watches who has joined, until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	if !d.Node.Invites() {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.watch(ctx) })
	g.Go(func() error { return d.answers(ctx) })
	return g.Wait()
}

// watch checks every second who has joined: commands and requests write it into the database. Nothing that fails here keeps
// a dismissed site in.
func (d *Desk) watch(ctx context.Context) error {
	w := watcher{Desk: d, told: d.Node.Joined, given: d.Node.Joined}
	for failed := false; ; {
		err := errors.Join(d.remember(ctx), w.admit(ctx), w.purge(ctx))
		if err != nil && ctx.Err() == nil && !failed {
			d.Log.Warn("could not read which sites have joined; retrying", zap.Error(err))
		}
		failed = err != nil
		if pause.For(ctx, every) != nil {
			return nil
		}
	}
}

// watcher is what watch has done so far.
type watcher struct {
	*Desk
	told, given config.Joined // what was last logged, and what the broker has
	restarts    bool
	purged      time.Time
}

// admit makes the sites in the database those of the broker, and then of the node.
func (w *watcher) admit(ctx context.Context) error {
	now, err := Joined(ctx, w.DB, w.Node)
	if err != nil {
		return err
	}
	cfg := w.Node.With(now)
	if !sameSites(w.given, cfg.Joined) || !reflect.DeepEqual(w.given.Invitations, cfg.Joined.Invitations) {
		if err = w.Broker(ctx, cfg.Broker); err == nil { // a dismissed site is disconnected first
			w.given = cfg.Joined
		}
	}
	if !sameSites(w.told, cfg.Joined) && ctx.Err() == nil {
		w.tell(w.told.Sites, cfg.Joined.Sites)
		w.told = cfg.Joined
		if !w.restarts { // else that goes on until this node is replaced
			w.Changed(ctx)
			w.restarts = true
		}
	}
	return err
}

// purge removes now and then what is left of invitations that are over.
func (w *watcher) purge(ctx context.Context) error {
	if time.Since(w.purged) < purgeEvery {
		return nil
	}
	if err := purge(ctx, w.DB); err != nil {
		return err
	}
	w.purged = time.Now()
	return nil
}

// sameSites reports whether the same sites are in, with the same keys, and the same ones are dismissed.
func sameSites(a, b config.Joined) bool {
	return reflect.DeepEqual(a.Sites, b.Sites) && reflect.DeepEqual(a.Dismissed, b.Dismissed)
}

// tell logs who joined and who left.
func (d *Desk) tell(before, now []config.Site) {
	in := func(list []config.Site, client string) bool {
		for _, s := range list {
			if s.Client == client {
				return true
			}
		}
		return false
	}
	for _, s := range now {
		if !in(before, s.Client) {
			d.Log.Info("a site is let in", zap.String("client", s.Client))
		}
	}
	for _, s := range before {
		if !in(now, s.Client) {
			d.Log.Info("a site is shut out", zap.String("client", s.Client))
		}
	}
}

func (d *Desk) answers(ctx context.Context) error {
	var said time.Time
	for {
		select {
		case l := <-d.waits:
			err := d.answer(ctx, l)
			if err != nil && ctx.Err() == nil && time.Since(said) > saidEvery {
				said = time.Now()
				d.Log.Warn("a request to join was not answered", zap.String("invitation", l.topic.Invitation), zap.Int64("dropped", d.dropped.Swap(0)), zap.Error(err))
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// answer decides about a request and answers it.
func (d *Desk) answer(ctx context.Context, l letter) error {
	send := func(payload []byte) error {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		return d.Publish(ctx, wire.Topics(d.Node.TopicPrefix).JoinedOf(d.Node.ClientName, l.topic.Invitation, l.topic.Ask), payload)
	}
	i, err := invitation(ctx, d.DB, l.topic.Invitation, "")
	if err != nil {
		return err
	}
	if i == nil || i.HubKey == nil { // nothing can be sealed: an answer in the clear proves nothing
		return send(join.UnknownInTheClear)
	}
	key, err := join.ParsePrivateKey(i.HubKey)
	if err != nil {
		return err
	}
	r, site, shared, err := join.OpenRequest(l.payload, key, i.ID)
	if err != nil {
		return err
	}
	if r.Ask != l.topic.Ask {
		return join.ErrForged
	}
	a, err := d.decide(ctx, r, site, shared, i.ID)
	if err != nil {
		return err
	}
	payload, err := d.fit(ctx, a, r, shared)
	if err != nil {
		return err
	}
	return send(payload)
}

// decide counts the use and lets the site in, in one transaction, or says why not.
func (d *Desk) decide(ctx context.Context, r join.Request, site join.PublicKey, shared join.Shared, id string) (a join.Answer, err error) {
	gone, err := readDismissals(File(d.Node))
	if err != nil {
		return a, err
	}
	var v Verdict
	err = mysqldb.InTx(ctx, d.DB, func(tx mysqldb.Tx) error {
		i, err := invitation(ctx, tx, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		list, err := sites(ctx, tx, ` WHERE client = ? FOR UPDATE`, r.Site)
		if err != nil {
			return err
		}
		var s *Site
		if len(list) > 0 {
			s = &list[0]
		}
		now, err := clock(ctx, tx)
		if err != nil {
			return err
		}
		v = Decide(d.Node, r, site, i, gone.correct(r.Site, s), now)
		a = join.Answer{Refused: v.Refused, Waits: v.State == Asking}
		if !v.New {
			return nil
		}
		if s != nil && s.State == Dismissed && !gone.has(s.Client, s.Invitation) {
			return errUnrecorded
		}
		return d.record(ctx, tx, r.Site, v.State, i, site, shared)
	})
	if err != nil {
		return a, fmt.Errorf("let %s in: %w", r.Site, err)
	}
	if v.New && a.Waits { // it asks again every few seconds
		d.Log.Info("a site asks to be let in; compare the words with those that it shows, then: mysql-sync sites --accept", zap.String("client", r.Site), zap.String("words", shared.Words()))
	}
	if a.Refused != "" {
		d.refused.Info("a site was refused", zap.String("client", r.Site), zap.String("invitation", id), zap.String("reason", string(a.Refused)))
	}
	return a, nil
}

// errUnrecorded puts off a new site of a name until the file has the dismissal of the one before, whose row it replaces. It
// asks again.
var errUnrecorded = errors.New("the dismissal of the earlier site of this name is not on disk yet")

// record counts a use of an invitation, and records a site.
func (d *Desk) record(ctx context.Context, tx mysqldb.Tx, client, state string, i *Invitation, site join.PublicKey, shared join.Shared) error {
	if _, err := tx.ExecContext(ctx, `UPDATE sync_invitations SET used = used + 1 WHERE id = ?`, i.ID); err != nil {
		return err
	}
	var login any
	if i.LoginHash != (config.Hash{}) {
		sum := sha256.Sum256([]byte(shared.Password()))
		login = sum[:]
	}
	pair := shared.Key()
	_, err := tx.ExecContext(ctx, `REPLACE INTO sync_sites (client, state, invitation, site_key, pair_key, login_hash, words, asked_at, joined_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), IF(? = 'in', UTC_TIMESTAMP(6), NULL))`, client, state, i.ID, site[:], pair[:], login, shared.Words(), state)
	if err != nil || state != In {
		return err
	}
	return begin(ctx, tx, client)
}

// fit returns a sealed answer with as many definitions as a message may have.
func (d *Desk) fit(ctx context.Context, a join.Answer, r join.Request, shared join.Shared) ([]byte, error) {
	if a.Refused != "" || a.Waits {
		return a.Seal(shared, r.Ask)
	}
	profile := ProfileOf(d.Node, r.Site)
	if l := d.Node.LeadOf(r.Site); l != nil {
		profile.Lead = &join.Lead{Profile: l.Name, Key: d.LeadKey}
	}
	a.Profile = &profile
	tables, err := blueprint.Read(ctx, d.DB, profile.Tables())
	if err != nil {
		return nil, err
	}
	if a.Count = len(tables); a.Count > join.MostTables {
		return nil, fmt.Errorf("there are %d tables, more than %d", a.Count, join.MostTables)
	}
	for _, t := range tables[min(r.From, len(tables)):] {
		text, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		a.Tables = append(a.Tables, text)
	}
	for {
		payload, err := a.Seal(shared, r.Ask)
		if !join.Large(err) {
			return payload, err
		}
		if len(a.Tables) <= 1 {
			return nil, errors.Join(err, errors.New("one table's definition is too large"))
		}
		a.Tables = a.Tables[:len(a.Tables)/2]
	}
}

// ProfileOf returns what a site of this name has in its configuration: the counterpart of what the hub's says about it.
func ProfileOf(cfg *config.Config, client string) join.Profile {
	all := cfg.With(config.Joined{Sites: []config.Site{{Client: client}}})
	p := join.Profile{Session: !cfg.MQTT.Clean && cfg.Broker.Listen == "", SyncTables: []string{}, ReceiveTables: []string{}, Policies: map[string]join.Policy{}, ForeignKeyConflict: cfg.ForeignKeyConflict}
	for _, t := range cfg.ReceiveTables {
		if all.MayWrite(client, t) || all.MayDelete(client, t) {
			p.SyncTables = append(p.SyncTables, t)
		}
	}
	for _, c := range all.RemoteClients {
		if c == client {
			p.ReceiveTables = append(p.ReceiveTables, cfg.SyncTables...)
		}
	}
	for _, t := range p.Tables() {
		if policy, ok := cfg.ConflictPolicy[t]; ok {
			p.Policies[t] = join.Policy(policy)
		}
	}
	return p
}
