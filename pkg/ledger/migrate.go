package ledger

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

//go:embed migrations/*.sql
var migrations embed.FS

// NewerError means that the file was written by a newer version of the program.
type NewerError struct{ Has, Knows int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the state is at migration %d, but this version of the program knows only %d: run the newer version", e.Has, e.Knows)
}

// migrate brings the file to this version's form: each migration in a transaction together with its number.
func migrate(tx *tx) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	var has, application, tables int
	if err := tx.one(`SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&has, &application, &tables); err != nil {
		return fmt.Errorf("read the form of the state: %w", err)
	}
	switch {
	case tables > 0 && application != applicationID:
		return errors.New("the file is another program's database")
	case has > len(names):
		return &NewerError{Has: has, Knows: len(names)}
	}
	for i, name := range names {
		number, err := strconv.Atoi(name[len("migrations/"):][:4])
		if err != nil || number != i+1 {
			return fmt.Errorf("migration %s does not follow number %d", name, i)
		}
		if number <= has {
			continue
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if err := tx.do(func() error {
			for _, statement := range []string{string(text), fmt.Sprintf(`PRAGMA user_version = %d`, number), fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)} {
				if err := tx.script(statement); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}
