// canal-reader replicates a table in the way that readers of the binary log are usually written with go-mysql's canal:
// each changed row is one statement at the target, each transaction of the source is one there. It remembers its
// position in a file, each second and at its end. It is a stand-in for the comparison in "make bench", not a tool.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-mysql-org/go-mysql/canal"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	driver "github.com/go-sql-driver/mysql"
)

// login is a database.
type login struct {
	Host     string
	Port     int
	User     string
	Password string
	Database string
}

// configuration is the file that is the program's argument. The position is in another one beside it.
type configuration struct {
	Source, Target login
	Table          string
	ServerID       uint32 // as a replica of the source
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: canal-reader CONFIGURATION")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(file string) error {
	var c configuration
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("decode %s: %w", file, err)
	}
	target, err := open(c.Target)
	if err != nil {
		return err
	}
	defer func() { _ = target.Close() }()

	settings := canal.NewDefaultConfig()
	settings.Addr, settings.User, settings.Password = fmt.Sprintf("%s:%d", c.Source.Host, c.Source.Port), c.Source.User, c.Source.Password
	settings.Flavor, settings.ServerID = mysql.MariaDBFlavor, c.ServerID
	settings.Dump.ExecutionPath = "" // The tables are equal when it starts.
	settings.IncludeTableRegex = []string{"^" + c.Source.Database + `\.` + c.Table + "$"}
	settings.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	reader, err := canal.NewCanal(settings)
	if err != nil {
		return err
	}
	state := file + ".position"
	from, err := position(state, reader)
	if err != nil {
		return err
	}
	w := &writer{target: target, state: state, at: from}
	reader.SetEventHandler(w)

	ended, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ended.Done()
		reader.Close()
	}()
	fmt.Println("reading from", from)
	err = reader.RunFrom(from)
	if ended.Err() != nil {
		err = nil
	}
	return errors.Join(err, w.save())
}

// open connects to the target, in one session.
func open(l login) (*sql.DB, error) {
	c := driver.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", fmt.Sprintf("%s:%d", l.Host, l.Port), l.User, l.Password, l.Database
	db, err := sql.Open("mysql", c.FormatDSN())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// position is where the last run ended, or where the source is now.
func position(file string, reader *canal.Canal) (at mysql.Position, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return reader.GetMasterPos()
	}
	if err != nil {
		return at, err
	}
	return at, json.Unmarshal(text, &at)
}

// writer writes what the log says to the target.
type writer struct {
	canal.DummyEventHandler
	target *sql.DB
	tx     *sql.Tx // of the source's transaction; nil: none of its rows was written yet
	// What is prepared once.
	insert, update, remove *sql.Stmt

	state string
	at    mysql.Position // up to which all is committed
	saved time.Time
}

// prepare prepares the three statements. What is read again after a crash does no harm.
func (w *writer) prepare(e *canal.RowsEvent) (err error) {
	var names, marks, sets []string
	for _, c := range e.Table.Columns {
		names, marks, sets = append(names, "`"+c.Name+"`"), append(marks, "?"), append(sets, "`"+c.Name+"` = VALUES(`"+c.Name+"`)")
	}
	table, key := "`"+e.Table.Name+"`", names[e.Table.PKColumns[0]]
	for to, query := range map[**sql.Stmt]string{
		&w.insert: "INSERT INTO " + table + " VALUES (" + strings.Join(marks, ", ") + ") ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", "),
		&w.update: "UPDATE " + table + " SET " + strings.Join(names, " = ?, ") + " = ? WHERE " + key + " = ?",
		&w.remove: "DELETE FROM " + table + " WHERE " + key + " = ?",
	} {
		if *to, err = w.target.Prepare(query); err != nil {
			return err
		}
	}
	return nil
}

// OnRow writes the rows of an event, one by one.
func (w *writer) OnRow(e *canal.RowsEvent) (err error) {
	if w.insert == nil {
		if err := w.prepare(e); err != nil {
			return err
		}
	}
	if w.tx == nil {
		if w.tx, err = w.target.Begin(); err != nil {
			return err
		}
	}
	key := e.Table.PKColumns[0]
	for i := 0; i < len(e.Rows) && err == nil; i++ {
		switch e.Action {
		case canal.InsertAction:
			_, err = w.tx.Stmt(w.insert).Exec(e.Rows[i]...)
		case canal.UpdateAction: // the row before, and after
			_, err = w.tx.Stmt(w.update).Exec(append(e.Rows[i+1], e.Rows[i][key])...)
			i++
		case canal.DeleteAction:
			_, err = w.tx.Stmt(w.remove).Exec(e.Rows[i][key])
		}
	}
	return err
}

// OnXID commits.
func (w *writer) OnXID(*replication.EventHeader, mysql.Position) error {
	if w.tx == nil {
		return nil
	}
	err := w.tx.Commit()
	w.tx = nil
	return err
}

// OnPosSynced remembers the position once a second.
func (w *writer) OnPosSynced(_ *replication.EventHeader, at mysql.Position, _ mysql.GTIDSet, _ bool) error {
	w.at = at
	if time.Since(w.saved) < time.Second {
		return nil
	}
	return w.save()
}

func (w *writer) save() error {
	w.saved = time.Now()
	text, err := json.Marshal(w.at)
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.state+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(w.state+".new", w.state)
}
