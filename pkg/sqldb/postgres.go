package sqldb

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// describedMost is how many statements a session remembers the types of.
const describedMost = 64

// postgresDialect is the dialect of PostgreSQL.
type postgresDialect struct{}

func (postgresDialect) Open(c Config, _ bool) (*sql.DB, error) {
	p, err := pgx.ParseConfig("") // without what the environment says about another database
	if err != nil {
		return nil, err
	}
	p.Host, p.Port, p.User, p.Password, p.Database = c.Host, uint16(portOr(c.Port, 5432)), c.User, c.Password, c.Database //nolint:gosec // the schema bounds a port
	p.Fallbacks, p.TLSConfig = nil, nil
	// Statements of many lengths are sent: the server keeps none of them prepared.
	p.DefaultQueryExecMode, p.DescriptionCacheCapacity = pgx.QueryExecModeCacheDescribe, describedMost
	p.ConnectTimeout = connectTime
	p.RuntimeParams = map[string]string{"timezone": "UTC", "application_name": "mysql-sync-connector", "extra_float_digits": "1", "intervalstyle": "iso_8601"}
	if p.TLSConfig, err = c.tls(); err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*p), nil
}

func (postgresDialect) Quote(name string) string { return doubleQuoted(name) }

func (postgresDialect) Placeholder(n int) string { return "$" + strconv.Itoa(n) }

func (postgresDialect) Reader(c *sql.ColumnType) Reader {
	switch c.DatabaseTypeName() {
	case "DATE":
		return Reader{Value: func(v any) (any, error) {
			if t, ok := v.(time.Time); ok {
				return t.Format(time.DateOnly), nil
			}
			return v, nil // infinity
		}}
	case "BPCHAR": // CHAR pads, which means nothing
		return Reader{Value: func(v any) (any, error) {
			if s, ok := v.(string); ok {
				return strings.TrimRight(s, " "), nil
			}
			return v, nil
		}}
	case "FLOAT4":
		return Reader{Value: func(v any) (any, error) {
			if f, ok := v.(float64); ok { // as few digits as 32 bits need
				return strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64)
			}
			return v, nil
		}}
	case "JSON", "JSONB":
		return Reader{Value: func(v any) (any, error) {
			if s := fmt.Sprintf("%s", v); v != nil && json.Valid([]byte(s)) {
				return json.RawMessage(s), nil
			}
			return v, nil
		}}
	}
	return Reader{Value: func(v any) (any, error) { return v, nil }}
}
