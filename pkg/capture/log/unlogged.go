package log

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
)

// unlogged leaves out the tables of which only the columns have changed since the last run, if the log says so, or names the columns of rows, or
// has none of theirs that is not recorded. The rows of others are not understood up to the log's end at the start: what alters a table stands in
// the log, but for what is done with sql_log_bin=0 and, where binlog_do_db or binlog_ignore_db is set, by a session whose default database is
// another.
func (s *Source) unlogged(ctx context.Context, list []capture.Unseen) ([]capture.Unseen, error) {
	if !slices.ContainsFunc(list, func(u capture.Unseen) bool { return u.Altered }) {
		return list, nil
	}
	named, err := s.server.NamesColumns(ctx)
	if err != nil {
		return nil, err
	}
	ahead := &s.decoder.shapes.ahead // no one reads yet
	var rest []capture.Unseen
	for _, u := range list {
		if u.Altered && (named || ahead.tables[u.Table] != nil || !s.start.written[u.Table]) {
			continue
		}
		if u.Altered {
			u.Reason += ", and the server's log does not say so, as with sql_log_bin=0"
			ahead.unlogged(u.Table, s.start.end)
		}
		rest = append(rest, u)
	}
	return rest, nil
}
