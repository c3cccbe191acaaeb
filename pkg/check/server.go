package check

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// server is what was read from a database server.
type server struct {
	version   string
	mariaDB   bool
	variables map[string]string // global ones, by name
	user      string            // CURRENT_USER()
	database  string
	charset   string // of the database, by default
	ahead     time.Duration
	within    time.Duration // how exact ahead is
	replica   bool          // as far as the user may see that
	worker    int64         // connection of the node that uses the database; 0: none

	logsStatements bool   // even for the node's sessions
	mayLogRows     string // the privilege that lets the node's sessions log rows
}

// variables are the global variables to judge. A server leaves out those that it does not know.
var variables = []string{"read_only", "super_read_only", "log_bin", "binlog_format", "log_bin_trust_function_creators", "max_allowed_packet",
	"max_connections", "auto_increment_increment", "slave_run_triggers_for_rbr", "wsrep_on", "sql_mode", "time_zone", "system_time_zone"}

// What the node needs of these.
const (
	leastPacket      = 1 << 20  // bytes: a node's statement may be this long
	usualPacket      = 16 << 20 // bytes: MariaDB's default
	connectionsTaken = 48       // a node takes at most
)

// readServer asks the server about itself.
func readServer(ctx context.Context, db *mysqldb.DB) (*server, error) {
	s := &server{version: db.Version, mariaDB: db.MariaDB, database: db.Name, variables: map[string]string{}}
	args := make([]any, len(variables))
	for i, v := range variables {
		args[i] = v
	}
	rows, err := db.QueryContext(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("+mysqldb.List(len(variables))+")", args...)
	if err != nil {
		return nil, fmt.Errorf("read the server's variables: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read the server's variables: %w", err)
		}
		s.variables[strings.ToLower(name)] = value
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the server's variables: %w", err)
	}
	var worker sql.NullInt64
	err = db.QueryRowContext(ctx, `SELECT CURRENT_USER(), COALESCE((SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA
		WHERE SCHEMA_NAME = ?), ''), IS_USED_LOCK(?)`, db.Name, schema.Lock(db.Name)).Scan(&s.user, &s.charset, &worker)
	if err != nil {
		return nil, fmt.Errorf("read who is connected: %w", err)
	}
	s.worker = worker.Int64
	if s.logsStatements, err = db.LogsStatements(ctx); err != nil {
		return nil, fmt.Errorf("read how the server logs: %w", err)
	}
	s.mayLogRows = db.MayLogRows()
	if err := s.readClock(ctx, db); err != nil {
		return nil, err
	}
	for _, q := range []string{"SHOW REPLICA STATUS", "SHOW SLAVE STATUS"} {
		// Both statements need a further privilege; the first one is newer.
		if rows, err := db.QueryContext(ctx, q); err == nil {
			s.replica = s.replica || rows.Next()
			_ = rows.Close() // the answer is already known
			break
		}
	}
	return s, nil
}

// readClock compares the server's clock with this machine's. The quickest of several answers is the most exact.
func (s *server) readClock(ctx context.Context, db *mysqldb.DB) error {
	for i := range 4 {
		var micros int64
		begun := time.Now()
		if err := db.GetContext(ctx, &micros, `SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)`); err != nil {
			return fmt.Errorf("read the server's clock: %w", err)
		}
		within := time.Since(begun) / 2
		if i == 0 || within < s.within {
			s.within, s.ahead = within, time.UnixMicro(micros).Sub(begun.Add(within))
		}
	}
	return nil
}

func (s *server) on(variable string) bool {
	v := strings.ToUpper(s.variables[variable])
	return v != "" && v != "0" && v != "OFF" && v != "NO"
}

func (s *server) number(variable string) int64 {
	n, err := strconv.ParseInt(s.variables[variable], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// judgeServer judges what does not depend on tables.
func judgeServer(f *finding.List, s *server, g *grants) {
	judgeVersion(f, s)
	if s.worker != 0 {
		f.Rightf("node", "a node uses this database (connection %d of the server)", s.worker)
	}
	judgeWriting(f, s, g)
	judgeBinaryFormat(f, s)
	judgeClock(f, "clock", "the database server", s.ahead, s.within)
	switch size := s.number("max_allowed_packet"); {
	case size < leastPacket:
		f.Wrongf("max_allowed_packet", fmt.Sprintf("SET GLOBAL max_allowed_packet = %d; and the same in the server's configuration.", 64<<20),
			"%d bytes are less than a node's statements need: rows could not be written", size)
	case size < usualPacket:
		f.Warnf("max_allowed_packet", fmt.Sprintf("SET GLOBAL max_allowed_packet = %d; and the same in the server's configuration.", 64<<20),
			"%d bytes: larger rows are refused here. All sites need enough for the largest row", size)
	default:
		f.Rightf("max_allowed_packet", "rows of up to %d MiB can be written", size>>20)
	}
	if n := s.number("max_connections"); n > 0 && n < connectionsTaken {
		f.Warnf("max_connections", "SET GLOBAL max_connections = 151; and the same in the server's configuration.",
			"%d: a node alone may use %d connections under load, leaving none for your applications", n, connectionsTaken)
	}
	if s.charset != "utf8mb4" {
		f.Warnf("character set", "ALTER DATABASE "+mysqldb.Quote(s.database)+" CHARACTER SET utf8mb4;",
			"new tables in %s use %s: received characters that it lacks are refused", s.database, s.charset)
	}
	f.Rightf("sessions", "the node's sessions set sql_mode, character set and time zone (UTC) themselves: the server's (time_zone %s, %s) do not matter",
		s.variables["time_zone"], s.variables["system_time_zone"])
}

// judgeVersion judges the version by what the node was tested with.
func judgeVersion(f *finding.List, s *server) {
	const tested = "tested with MariaDB 10.5, 10.11, 11.4 and 11.8 and MySQL 9.7, supported from MariaDB 10.5 and MySQL 8.0"
	name, least := "MySQL", [2]int{8, 0}
	if s.mariaDB {
		name, least = "MariaDB", [2]int{10, 5}
	}
	v := versionOf(s.version)
	if slices.Compare(v[:], least[:]) < 0 {
		f.Warnf("version", "Upgrade the server, or try your most important tables first.", "%s %s is older than supported: %s", name, s.version, tested)
		return
	}
	f.Rightf("version", "%s %s", name, s.version)
}

// versionOf returns the first two numbers of a server's version. Some servers prefix it with 5.5.5-, for old clients.
func versionOf(text string) (v [2]int) {
	parts := strings.SplitN(strings.TrimPrefix(text, "5.5.5-"), ".", 3)
	for i := range min(2, len(parts)) {
		v[i], _ = strconv.Atoi(parts[i]) // a version in another form counts as old
	}
	return v
}

// judgeWriting judges whether the server accepts writes, and whether its own replication writes behind the triggers.
func judgeWriting(f *finding.List, s *server, g *grants) {
	const primary = "Run the node on the primary."
	switch {
	case s.on("super_read_only"), s.on("read_only") && !g.global("SUPER", "READ_ONLY ADMIN"):
		f.Wrongf("read_only", primary+" Or: SET GLOBAL read_only = 0;", "the server accepts no writes: the node cannot work")
	case s.on("read_only"):
		f.Warnf("read_only", primary, "the server is read-only, though not for this user: it may be a replica")
	}
	if s.replica && s.variables["slave_run_triggers_for_rbr"] != "YES" {
		f.Warnf("replica", primary+" On MariaDB, slave_run_triggers_for_rbr = YES makes the triggers fire.",
			"the server is a replica: rows replicated to it as row events fire no triggers, and are not sent")
	}
	if s.on("wsrep_on") {
		f.Warnf("wsrep_on", "Run one node for the cluster, on one of its servers.", "the server is part of a Galera cluster: the lock that keeps a second node out works on one server only")
	}
}

// judgeTableLocks reports what the node costs writers: along with a locked table, the server locks the table that its
// triggers write to, and MySQL has gap locks that the node can only wait for.
func judgeTableLocks(f *finding.List, s *server, fromLog bool) {
	does := "blocks the writers of all synced tables until UNLOCK TABLES"
	if s.mariaDB {
		does = "keeps its own session from writing any synced table (1442)"
	}
	if !fromLog {
		f.Rightf("LOCK TABLES", "on a synced table %s: load dumps with --skip-add-locks", does)
	}
	if !s.mariaDB {
		f.Rightf("deadlocks", "if applications hold gap locks (REPEATABLE READ) in tables that receive rows, MySQL may end a transaction with error 1213 that would succeed without the node: make them retry, or use READ COMMITTED")
	}
}

// judgeBinaryLog judges whether triggers may be created, by the rule in the MySQL manual, "Stored Program Binary Logging"
// (error 1419).
func judgeBinaryLog(f *finding.List, s *server, g *grants) {
	const name = "log_bin_trust_function_creators"
	switch {
	case !s.on("log_bin"):
		f.Rightf(name, "is not needed: the binary log is off")
	case s.on(name):
		f.Rightf(name, "is set")
	case g.global("SUPER") || s.mariaDB && g.global("BINLOG ADMIN"):
		f.Rightf(name, "is not needed: %s has SUPER", s.user)
	default:
		f.Wrongf(name, "SET GLOBAL log_bin_trust_function_creators = 1; and the same in the server's configuration.",
			"the binary log is on, so the server does not let users without SUPER create triggers (error 1419): no change would be captured")
	}
}

// BinaryLog returns an error if the server would refuse the node's writes because of its log format.
func BinaryLog(ctx context.Context, db *mysqldb.DB) error {
	statements, err := db.LogsStatements(ctx)
	if err != nil || !statements {
		return err
	}
	var user string
	if err := db.GetContext(ctx, &user, `SELECT CURRENT_USER()`); err != nil {
		return err
	}
	return fmt.Errorf("%s: %s", logsStatements, logRows(db.MayLogRows(), account(user)))
}

const logsStatements = "binlog_format is STATEMENT, and the login may not change it for its sessions: the server refuses a node's writes (error 1665)"

// logRows says how to let the node's sessions log rows.
func logRows(privilege, user string) string {
	return "GRANT " + privilege + " ON *.* TO " + user + "; or SET GLOBAL binlog_format = 'MIXED'; and the same in the server's configuration."
}

// judgeBinaryFormat judges whether the server's log format lets the node write.
func judgeBinaryFormat(f *finding.List, s *server) {
	const name = "binlog_format"
	switch {
	case !s.on("log_bin") || s.variables[name] != "STATEMENT":
	case s.logsStatements:
		f.Wrongf(name, logRows(s.mayLogRows, account(s.user)), logsStatements)
	default:
		f.Rightf(name, "is STATEMENT: the node's sessions log rows; your applications' statements may get warnings that they are unsafe (1592), since triggers store ids that the server generates")
	}
}

// Clock differences up to which nothing is reported.
const (
	clockClose = 2 * time.Second // of the database server
	clockPeer  = 5 * time.Second // of a remote, whose clock is measured less exactly
)

// judgeClock judges the difference between a clock and this machine's.
func judgeClock(f *finding.List, about, whose string, ahead, within time.Duration) {
	size, way := ahead, "ahead of"
	if ahead < 0 {
		size, way = -ahead, "behind"
	}
	limit := clockClose
	if f.Area == AreaRemotes {
		limit = clockPeer
	}
	shown := size.Round(100 * time.Millisecond)
	if size >= time.Minute {
		shown = size.Round(time.Second)
	}
	const do = "Synchronize the clocks of all sites, preferably with NTP."
	switch {
	case size > conflict.MaxAhead:
		f.Wrongf(about, do, "the clock of %s is %s %s this machine's: writes of the one that is ahead are refused by the others (more than %s)", whose, shown, way, conflict.MaxAhead)
	case size-within > limit:
		f.Warnf(about, do, "the clock of %s is %s %s this machine's: of two conflicting writes, the later by these clocks wins", whose, shown, way)
	default:
		f.Rightf(about, "the clock of %s differs from this machine's by at most %s", whose, (size + within).Round(time.Millisecond))
	}
}
