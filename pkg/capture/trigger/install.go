package trigger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// selectTriggers reads the existing triggers, at each start and each check. A trigger is always in the schema of its table:
// select by EVENT_OBJECT_SCHEMA, since by TRIGGER_SCHEMA, MariaDB opens the tables of all schemas, and waits for those that
// someone holds.
const selectTriggers = `SELECT TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_STATEMENT, COALESCE(CREATED, '')
	FROM information_schema.TRIGGERS WHERE `

// selectForeign reads, at each start, the triggers whose definer is not the node's user and that the node may recreate: if
// that definer were dropped, users' writes would fail.
const selectForeign = `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND TRIGGER_NAME LIKE 'mysqlSync%'
	AND CAST(DEFINER AS BINARY) <> CAST(CURRENT_USER() AS BINARY) AND (@@log_bin = 0 OR @@log_bin_trust_function_creators = 1)`

// installTries is how many times to try to get a table's lock when waiting for it. Each attempt waits only a few seconds:
// users' writes queue behind a waiting lock request.
const installTries = 20

// Arm implements capture.Source: it creates the tables' triggers, and drops all others whose names begin with mysqlSync.
// It leaves a correct trigger alone, and replaces a wrong one such that no write slips through: promise 1.
func (s *Source) Arm(ctx context.Context, tables []*schema.Table, keys []schema.ForeignKey) error {
	log, db := s.log, s.db
	if err := schema.Restore(ctx, db, changes); err != nil {
		return err
	}
	keys, unread, err := readable(ctx, db, tables, keys)
	if err != nil {
		return err
	}
	list, unsupported := wanted(db, tables, keys, s.Config)
	for _, f := range unsupported {
		log.Warn("cascades of this foreign key are not captured; verify --repair finds and sends what they change", zap.String("foreignKey", f))
	}
	standing, err := readTriggers(ctx, db, nil)
	if err != nil {
		return err
	}
	done, err := install(ctx, log, db, list, standing, 1, nil)
	for _, t := range done.denied {
		unread = append(unread, refused(t, keys)...)
	}
	for _, d := range unread {
		log.Warn("cascades of a foreign key to another database are not captured because the user lacks privileges there; grant them and restart the node",
			zap.String("foreignKey", d.ForeignKey), zap.String("parent", d.Parent), zap.String("grant", d.Grant))
	}
	lacking := uncaptured(done.held, db.Name, tables, keys)
	s.lacking.Store(&lacking)
	if err != nil {
		return err
	}
	if s.NoRows {
		return forsake(ctx, db, tables)
	}
	return s.leaveLog(ctx)
}

// installed is the outcome of installing triggers.
type installed struct {
	denied   []trigger       // in other schemas, where the user may not create them
	disowned []string        // tables whose deletes were left out
	held     map[place]error // tables that someone holds
	failed   map[place]error // tables with any other error; nil: nothing was tried
}

// install creates the wanted triggers and drops all others of ours. rests, which may be nil, says why a table that someone
// holds cannot be tried yet.
func install(ctx context.Context, log *zap.Logger, db *mysqldb.DB, list []trigger, standing map[string]standing, tries int, rests func(place) error) (installed, error) {
	var foreign []string
	if err := db.SelectContext(ctx, &foreign, selectForeign, db.Name); err != nil {
		return installed{}, fmt.Errorf("read who made the triggers: %w", err)
	}
	done := installed{held: map[place]error{}, failed: map[place]error{}}
	var order []place
	wrong := map[place][]trigger{}
	stale := maps.Clone(standing)
	for _, w := range list {
		s, ok := standing[w.id()]
		if ok && s.table == w.table {
			delete(stale, w.id())
		}
		if s.trigger == w.shown() && !slices.Contains(foreign, w.name) {
			continue
		}
		table := place{w.schema, w.table}
		if wrong[table] == nil {
			order = append(order, table)
		}
		wrong[table] = append(wrong[table], w)
	}
	var errs []error
	// Unwanted ones go first: a renamed table took its triggers along, and with them their names.
	var err error
	done.disowned, err = dropStale(ctx, log, db, slices.Collect(maps.Values(stale)), tries, done.held)
	errs = append(errs, err)
	for _, table := range order {
		if rests != nil {
			if done.held[table] = rests(table); done.held[table] != nil {
				continue
			}
			delete(done.held, table)
		}
		err := patiently(ctx, log, table.shown(), tries, func() error { return replace(ctx, db, table, wrong[table]) })
		switch {
		case err == nil:
			log.Info("triggers installed", zap.String("table", table.shown()))
		case table.schema != "" && notGranted(err):
			done.denied = append(done.denied, wrong[table]...)
		case mysqldb.LockTimeout(err):
			done.held[table] = err
		default:
			done.failed[table] = err
			errs = append(errs, err)
		}
	}
	return done, errors.Join(errs...)
}

// dropStale drops unwanted triggers, and removes deletes that they recorded under the name of a table that is not theirs:
// before, so that a kill does not leave any behind, and after, when the transactions that fired the triggers have ended. It
// returns the tables under whose names such deletes were recorded, and adds tables that someone holds to held.
func dropStale(ctx context.Context, log *zap.Logger, db *mysqldb.DB, stale []standing, tries int, held map[place]error) ([]string, error) {
	if len(stale) == 0 {
		return nil, nil
	}
	disowned, err := disown(ctx, db, stale)
	if err != nil {
		return disowned, err
	}
	var errs []error
	for _, s := range stale {
		if err := drop(ctx, log, db, s.trigger, tries); mysqldb.LockTimeout(err) {
			held[place{s.schema, s.table}] = err
		} else {
			errs = append(errs, err)
		}
	}
	more, err := disown(ctx, db, stale)
	disowned = append(disowned, more...)
	slices.Sort(disowned)
	disowned = slices.Compact(disowned)
	tellDisowned(log, disowned...)
	return disowned, errors.Join(append(errs, err)...)
}

// drop drops a trigger whose name is not wanted.
func drop(ctx context.Context, log *zap.Logger, db *mysqldb.DB, t trigger, tries int) error {
	err := patiently(ctx, log, t.table, tries, func() error {
		_, err := db.ExecContext(ctx, "DROP TRIGGER IF EXISTS "+qualified(t.schema, t.name))
		return err
	})
	if err != nil {
		return fmt.Errorf("drop trigger %s: %w", t.name, err)
	}
	log.Info("stale trigger dropped", zap.String("trigger", t.name), zap.String("table", t.table))
	return nil
}

// wanted returns all triggers that should exist, and the foreign keys that they cannot follow. details, which may be nil,
// reports whether a table's triggers record which columns an update changed.
func wanted(db *mysqldb.DB, tables []*schema.Table, keys []schema.ForeignKey, made Config) (list []trigger, unsupported []string) {
	c := &cascades{synced: map[string]*schema.Table{}, counters: made.countersOf, keys: keys, own: db.Name, recursion: db.MariaDB || !strings.HasPrefix(db.Version, "5.")}
	for _, t := range tables {
		list = append(list, made.rowTriggers(t, db.MariaDB)...)
		c.synced[t.Name] = t
	}
	if made.NoCascades {
		return list, nil
	}
	return append(list, c.triggers()...), c.unsupported
}

// Unfollowed returns the foreign keys, as table.name, whose cascades the tables' triggers cannot follow. keys has all
// foreign keys of the schema.
func Unfollowed(db *mysqldb.DB, tables []*schema.Table, keys []schema.ForeignKey) []string {
	_, unsupported := wanted(db, tables, keys, Config{})
	slices.Sort(unsupported)
	return slices.Compact(unsupported)
}

// readTriggers returns the existing triggers by id, in the form given by shown: those in the node's schema, and its own in
// the schemas others, or in all schemas if others is nil.
func readTriggers(ctx context.Context, db *mysqldb.DB, others []string) (map[string]standing, error) {
	found := map[string]standing{}
	read := func(where string, args ...any) error {
		err := mysqldb.Each(ctx, db, selectTriggers+where, args, func(r *sql.Rows) error {
			var s standing
			if err := r.Scan(&s.schema, &s.name, &s.table, &s.event, &s.time, &s.body, &s.made); err != nil {
				return err
			}
			if s.schema == db.Name {
				s.schema, s.table = "", db.Spelled(s.table)
			}
			s.trigger = s.shown()
			found[s.id()] = s
			return nil
		})
		if err != nil {
			return fmt.Errorf("read triggers: %w", err)
		}
		return nil
	}
	if err := read(`EVENT_OBJECT_SCHEMA = ? AND TRIGGER_NAME LIKE 'mysqlSync%'`, db.Name); err != nil {
		return nil, err
	}
	pattern := likePrefix(outsidePrefix(db.Name))
	if others == nil {
		return found, read(`TRIGGER_SCHEMA <> ? AND TRIGGER_NAME LIKE ?`, db.Name, pattern)
	}
	for _, schema := range others {
		if err := read(`EVENT_OBJECT_SCHEMA = ? AND TRIGGER_NAME LIKE ?`, schema, pattern); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// patiently retries f while the server is down, and a limited number of times while another session holds the table.
func patiently(ctx context.Context, log *zap.Logger, table string, tries int, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil || !mysqldb.Transient(err) || try >= tries && (mysqldb.LockTimeout(err) || try >= installTries) {
			return advise(table, err)
		}
		log.Warn("waiting for the table's lock to install triggers", zap.String("table", table), zap.Error(err))
		if err := pause.For(ctx, time.Second); err != nil {
			return err
		}
	}
}

// advise adds what to do to errors that users may meet here.
func advise(table string, err error) error {
	switch mysqldb.Number(err) {
	case 0:
		if err == nil {
			return nil
		}
	case 1419:
		return fmt.Errorf("install triggers on %s: %w: set log_bin_trust_function_creators=1 on the server, or give the user the privilege SUPER", table, err)
	case 1142, 1227:
		return fmt.Errorf("install triggers on %s: %w: give the user the privilege TRIGGER on the database", table, err)
	case 1044:
		return fmt.Errorf("install triggers on %s: %w: give the user the privilege LOCK TABLES on the database", table, err)
	}
	return fmt.Errorf("install triggers on %s: %w", table, err)
}

// replace creates the triggers in place of those with the same names. MariaDB replaces a trigger in one step; on MySQL, the
// table is locked meanwhile, and if the node is killed here, the lock is released along with the connection.
func replace(ctx context.Context, db *mysqldb.DB, table place, wanted []trigger) (err error) {
	if _, err := db.ExecContext(ctx, "DO 0"); err != nil { // only the database's owner continues; see mysqldb.Fence
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if !db.MariaDB {
		if _, err := conn.ExecContext(ctx, "LOCK TABLES "+qualified(table.schema, table.table)+" WRITE"); err != nil {
			return err
		}
		defer func() {
			_, unlockErr := conn.ExecContext(ctx, "UNLOCK TABLES")
			err = errors.Join(err, unlockErr)
		}()
	}
	for _, t := range wanted {
		if err := replaceOne(ctx, conn, t, db.MariaDB); err != nil {
			return err
		}
	}
	return nil
}

func replaceOne(ctx context.Context, conn *sql.Conn, t trigger, orReplace bool) error {
	if !orReplace {
		if _, err := conn.ExecContext(ctx, "DROP TRIGGER IF EXISTS "+qualified(t.schema, t.name)); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, t.create(orReplace))
	return err
}

// leaveLog forgets where the server's log was read, now that the triggers are there; that writes may have been missed in
// between was recorded before.
func (s *Source) leaveLog(ctx context.Context) error {
	logged, err := s.logged(ctx)
	if err != nil || !logged {
		return err
	}
	if _, err := s.db.ExecContext(ctx, `DELETE FROM sync_log`); err != nil {
		return fmt.Errorf("forget the position in the log: %w", err)
	}
	return nil
}
