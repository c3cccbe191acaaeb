package airtable

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Compared is a table that is read at the start of each run.
type Compared struct{ *Destination }

// longestOffset limits what names the next page, in bytes: Airtable's has about 40.
const longestOffset = 1 << 10

// Rows reads all records, page by page.
func (d Compared) Rows(ctx context.Context, yield func(job.Stored) error) error {
	const operation = "read the records"
	seen := map[string]bool{} // at most longestOffset bytes a page
	query := url.Values{"pageSize": {strconv.Itoa(rowsInPage)}}
	for {
		answer, err := d.client.Do(ctx, &remote.Request{Operation: operation, Path: d.path(), Query: query, Read: true})
		if err != nil {
			return err
		}
		var page struct {
			Offset string `json:"offset"`
		}
		if err := json.Unmarshal(answer.Body, &page); err != nil {
			return fmt.Errorf("%s of %s: %w", operation, d.leg.Table, err)
		}
		list := record.List(answer.Body, "records")
		if list == nil {
			return fmt.Errorf("%s of %s: the answer has no list of records", operation, d.leg.Table)
		}
		err = value.EachItem(list, func(item []byte) error {
			var rec struct {
				ID     string          `json:"id"`
				Fields json.RawMessage `json:"fields"`
			}
			if err := json.Unmarshal(item, &rec); err != nil || !bytes.HasPrefix(rec.Fields, []byte("{")) {
				return fmt.Errorf("%s of %s: a record has no fields", operation, d.leg.Table)
			}
			return yield(job.Stored{ID: rec.ID, Data: rec.Fields})
		})
		if err != nil {
			return err
		}
		switch {
		case page.Offset == "":
			return nil
		case len(page.Offset) > longestOffset:
			return fmt.Errorf("%s of %s: the next page's offset has %d bytes", operation, d.leg.Table, len(page.Offset))
		case seen[page.Offset]:
			return fmt.Errorf("%s of %s: a page links back to itself", operation, d.leg.Table)
		}
		seen[page.Offset] = true
		query.Set("offset", page.Offset)
	}
}
