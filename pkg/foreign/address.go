package foreign

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// addressOf fills in the keys of a database from the address of a Sequelize, where they are missing:
// mysql://user:password@host:port/database.
func addressOf(address string, database map[string]any) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return errors.New("is not an address such as mysql://user:password@host:3306/database") // it may hold a password
	}
	password, _ := u.User.Password()
	dialect := u.Scheme
	if dialect == "postgresql" {
		dialect = "postgres"
	}
	name := strings.TrimPrefix(u.Path, "/")
	if dialect == "sqlite" {
		name = u.Host + u.Path
	}
	for key, v := range map[string]string{
		"dialect": dialect, "host": u.Hostname(), "port": u.Port(), "username": u.User.Username(), "password": password, "database": name,
	} {
		if _, given := database[key]; !given && v != "" && !(dialect == "sqlite" && slices.Contains([]string{"host", "port"}, key)) {
			database[key] = v
		}
	}
	return nil
}
