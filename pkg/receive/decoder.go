package receive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Rights say what a client may; see config.Config.
type Rights interface {
	Receives(table string) bool
	MayWrite(client, table string) bool
	MayDelete(client, table string) bool
	MayColumn(client, table, column string) bool
	Limited(client, table string) bool
}

// Decoder turns received messages into changes of local tables: it checks them and runs the transformers. It is safe
// for concurrent use.
type Decoder struct {
	Self         string // this client
	Rights       Rights
	MaxRow       int // bytes of the largest row that is accepted
	Zone         *time.Location
	Now          func() time.Time
	Tables       Definitions
	Transformers *transform.Transformers
}

// Definitions know the tables that rows are received for.
type Definitions interface {
	// Definition returns a table's definition, as fresh as it must be to have the columns that a client sends; they are
	// nil for a delete. A change of version 1 is given with its values, which may be all that tells their types. The
	// client sends again what fails with ErrLater.
	Definition(ctx context.Context, client, table string, columns []string, entity value.Entity) (*schema.Table, error)
}

// ErrLater is, or is wrapped by, the error of a definition that cannot be had now.
var ErrLater = errors.New("the table's definition is not known yet")

// Own are the definitions of the node's own database.
type Own struct{ *schema.Tables }

// Definition rereads the definition if it lacks one of the columns, which may have been added since.
func (o Own) Definition(ctx context.Context, _, table string, columns []string, _ value.Entity) (*schema.Table, error) {
	t, err := o.Table(ctx, table)
	if err != nil {
		return nil, err
	}
	for _, name := range columns {
		if _, ok := t.Column(name); !ok {
			return o.Fresh(ctx, table)
		}
	}
	return t, nil
}

// dated checks and transforms a version 1 change. The error is transform.ErrDropped if the change is not for this node.
// A change without a date counts as new, unless the broker retained it: a retained message arrives at each connect, and
// its age is unknown, so it counts as older than any write.
func (d *Decoder) dated(ctx context.Context, c wire.Change, kept bool) (apply.Incoming, error) {
	in := apply.Incoming{From: c.Sender, Dated: true}
	var names []string
	if c.Entity != nil {
		names = make([]string, len(c.Entity))
	}
	for i, f := range c.Entity {
		names[i] = f.Name
	}
	t, err := d.receivable(ctx, c.Sender, c.Table, names, c.Entity)
	if err != nil {
		return in, err
	}
	in.Form = t
	for i := range c.Entity {
		c.Entity[i].Name = names[i]
	}
	date := time.UnixMilli(c.Date)
	if c.Date == 0 {
		date = d.Now()
	}
	in.Table = c.Table
	in.State = change.State{Version: change.Version{Time: change.Micros(date), Origin: c.Sender}}
	if c.Date == 0 && kept {
		in.Version.Time = change.Baseline
	}
	if err := d.checkClock(in.Version); err != nil {
		return in, err
	}
	if c.Entity == nil {
		in.Key, err = d.DeletedKey(ctx, t, c.Sender, c.ID)
		return in, err
	}
	entity, err := matchID(t, c.ID, c.Entity, d.Zone)
	if err == nil && d.Transformers.Has(t.Name) {
		entity, err = formed(t, entity, d.Zone)
	}
	if err != nil {
		return in, err
	}
	return d.Encode(ctx, t, in, c.ID, entity)
}

// decoded is a change of a batch as it passes through the Decoder.
type decoded struct {
	in    apply.Incoming
	table *schema.Table
	err   error
}

// versioned checks and transforms the changes of a batch. Consecutive changes of one table go through its transformer
// together. If that produces large rows, the rest gets errRoom. Promise 10.
func (d *Decoder) versioned(ctx context.Context, list []decoded) {
	room := madeRows * d.MaxRow
	for i := range list {
		if x := &list[i]; x.err == nil {
			x.in.Form = x.table
			x.err = d.check(x.table, &x.in)
		}
		room += list[i].in.Size()
	}
	for made := 0; len(list) > 0; {
		n := 1
		for n < len(list) && list[n].table == list[0].table {
			n++
		}
		if d.MaxRow == 0 || made <= room {
			made += d.transform(ctx, list[:n])
		} else {
			without(list[:n])
		}
		list = list[n:]
	}
}

// check checks a change's metadata, and the key of a row that no transformer changes.
func (d *Decoder) check(t *schema.Table, in *apply.Incoming) error {
	if size := in.Size(); d.MaxRow > 0 && size > d.MaxRow {
		return fmt.Errorf("the row has %d bytes, more than %d (maxRowBytes)", size, d.MaxRow)
	}
	if err := d.checkClock(in.Version); err != nil {
		return err
	}
	if at := (change.Version{Time: in.Token, Origin: in.From}); in.Token != 0 && conflict.TooFarAhead(at, change.Micros(d.Now())) {
		return fmt.Errorf("the token of %s is ahead of the clock of %s", in.From, d.Self) // nothing said later would count
	}
	for _, v := range in.Seen {
		if v.Time > in.Version.Time {
			return fmt.Errorf("the version of %s claims to know a later one of %s", in.Version.Origin, v.Origin)
		}
	}
	if in.Deleted() || d.Transformers.Has(t.Name) {
		return nil
	}
	same, err := t.IsKey(in.Key, in.Columns, in.Values)
	if err == nil && !same {
		err = fmt.Errorf("the id does not match the entity: the row's key in table %s is another", t.Name)
	}
	return err
}

// madeRows is how many rows of MaxRow bytes transformers may produce from a batch, beyond the batch's own size, before
// the rest must be sent again.
const madeRows = 4

// without asks for changes to be sent again, except for refused ones.
func without(list []decoded) {
	for i := range list {
		if list[i].err == nil {
			list[i].err = errRoom
		}
	}
}

// transform transforms changes of one table, and returns the resulting size of their rows in bytes. Converting the key
// of a delete through the id gives it the canonical form that versions use, even without a transformer.
func (d *Decoder) transform(ctx context.Context, list []decoded) (made int) {
	var calls []transform.Call
	var called []*decoded
	for i := range list {
		x := &list[i]
		if x.err != nil || !x.in.Deleted() && !d.Transformers.Has(x.table.Name) {
			continue
		}
		call := transform.Call{Table: x.table.Name, Source: x.in.From, Target: d.Self}
		if call.ID, x.err = x.table.ID(x.in.Key); x.err != nil {
			continue
		}
		if !x.in.Deleted() {
			call.Entity = Decode(x.table, x.in.Columns, x.in.Values, d.Zone)
		}
		calls, called = append(calls, call), append(called, x)
	}
	if len(calls) == 0 {
		return 0
	}
	results := d.Transformers.ApplyAll(ctx, calls[0].Table, calls)
	for _, x := range called[len(results):] {
		x.err = errRoom
	}
	for i, r := range results {
		x := called[i]
		switch {
		case r.Err != nil:
			x.err = byScript(r.Err)
		case x.in.Deleted():
			x.in.Key, x.err = x.table.ParseID(r.ID)
		case r.Same && x.table.Spells(x.in.Columns): // then its values are in stored form
			x.in.Key, x.err = x.table.KeyOf(x.in.Columns, x.in.Values)
			made += x.in.Size()
		default:
			x.in, x.err = d.encoded(x.table, x.in, r.Entity)
			made += x.in.Size()
		}
	}
	return made
}

// receivable returns the definition of a table if the client may write these columns, or delete from it if columns is
// nil. Promise 8. Columns are spelled as in the table, except for a transformer, which gets them as they were sent.
func (d *Decoder) receivable(ctx context.Context, from, table string, columns []string, entity value.Entity) (*schema.Table, error) {
	switch {
	case !d.Rights.Receives(table):
		return nil, fmt.Errorf("table %.64q is not in receiveTables of %s", table, d.Self)
	case columns == nil && !d.Rights.MayDelete(from, table):
		return nil, fmt.Errorf("acceptFrom of %s lets %s delete no rows of %s", d.Self, from, table)
	case columns != nil && !d.Rights.MayWrite(from, table):
		return nil, fmt.Errorf("acceptFrom of %s lets %s write no rows of %s", d.Self, from, table)
	}
	if d.Rights.Limited(from, table) {
		for _, name := range columns {
			if !d.Rights.MayColumn(from, table, name) {
				return nil, fmt.Errorf("acceptFrom of %s does not let %s write column %.64q of %s", d.Self, from, name, table)
			}
		}
	}
	t, err := d.Tables.Definition(ctx, from, table, columns, entity)
	if err != nil {
		return nil, err
	}
	if !d.Transformers.Has(table) {
		t.Spell(columns)
	}
	return t, nil
}

// checkClock refuses a version from a clock that is far ahead.
func (d *Decoder) checkClock(v change.Version) error {
	now := d.Now()
	if ahead := time.UnixMicro(v.Time).Sub(now); v.Time <= 0 || conflict.TooFarAhead(v, change.Micros(now)) {
		return fmt.Errorf("the clock of %s is %s ahead of that of %s, more than %s", v.Origin, ahead.Round(time.Minute), d.Self, conflict.MaxAhead)
	}
	return nil
}

// DeletedKey returns the key of the row that a delete means here.
func (d *Decoder) DeletedKey(ctx context.Context, t *schema.Table, from, id string) (string, error) {
	id, drop, err := d.Transformers.ApplyDelete(ctx, transform.Call{Table: t.Name, ID: id, Source: from, Target: d.Self})
	if err != nil {
		return "", byScript(err)
	}
	if drop {
		return "", transform.ErrDropped
	}
	return t.ParseID(id)
}

// Encode transforms an entity and converts it to columns in stored form.
func (d *Decoder) Encode(ctx context.Context, t *schema.Table, in apply.Incoming, id string, entity value.Entity) (apply.Incoming, error) {
	entity, err := d.Transformers.Apply(ctx, transform.Call{Table: t.Name, ID: id, Source: in.From, Target: d.Self, Entity: entity})
	if err != nil {
		return in, byScript(err)
	}
	return d.encoded(t, in, entity)
}

// encoded converts an entity to columns in stored form.
func (d *Decoder) encoded(t *schema.Table, in apply.Incoming, entity value.Entity) (_ apply.Incoming, err error) {
	if in.Columns, in.Values, err = d.Stored(t, entity); err == nil {
		in.Key, err = t.KeyOf(in.Columns, in.Values)
	}
	if d.Transformers.Has(t.Name) { // the sender must not see the row that it made
		err = byScript(err)
	}
	return in, err
}

// Stored converts an entity to columns in stored form.
func (d *Decoder) Stored(t *schema.Table, entity value.Entity) ([]string, [][]byte, error) {
	columns := make([]string, len(entity))
	values := make([][]byte, len(entity))
	for i, f := range entity {
		c, ok := t.Column(f.Name)
		if !ok {
			return nil, nil, fmt.Errorf("table %s has no column %.64q that can be written", t.Name, f.Name)
		}
		var err error
		columns[i] = c.Name
		if values[i], err = c.Encode(f.Value, d.Zone); err != nil {
			return nil, nil, err
		}
	}
	return columns, values, nil
}

// matchID checks that an entity's key is the message's id, and adds missing key columns. Existing peers give a row with
// a composite key the id of its first column.
func matchID(t *schema.Table, id string, e value.Entity, zone *time.Location) (value.Entity, error) {
	columns := make([]string, 0, len(t.Key))
	values := make([][]byte, 0, len(t.Key))
	for _, k := range t.Key {
		c := &t.Columns[k]
		v, ok := e.Value(c.Name)
		if !ok {
			continue
		}
		stored, err := c.Encode(v, zone)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c.Name)
		values = append(values, stored)
	}
	wanted, idErr := t.ParseID(id)
	switch len(columns) {
	case len(t.Key):
		key, err := t.KeyOf(columns, values)
		if err != nil {
			return nil, err
		}
		if idErr == nil && key == wanted || len(t.Key) > 1 && firstPart(t, id, values[0]) {
			return e, nil
		}
		return nil, fmt.Errorf("the id %.64q does not match the entity's key in table %s", id, t.Name)
	case 0:
		if idErr != nil {
			return nil, idErr
		}
		parts, err := value.SplitKey([]byte(wanted), len(t.Key))
		if err != nil {
			return nil, err
		}
		e = append(value.Entity{}, e...)
		for i, k := range t.Key {
			stored, err := t.Columns[k].KeyValue(parts[i])
			if err != nil {
				return nil, err
			}
			e = append(e, value.Field{Name: t.Columns[k].Name, Value: t.Columns[k].Decode(stored, zone)})
		}
		return e, nil
	}
	return nil, fmt.Errorf("the entity has only %d of the %d key columns of table %s", len(columns), len(t.Key), t.Name)
}

func firstPart(t *schema.Table, id string, stored []byte) bool {
	c := &t.Columns[t.Key[0]]
	part, err := c.KeyPart(stored)
	if err != nil {
		return false
	}
	s, err := c.IDPart(part)
	return err == nil && s == id
}

// Decode converts a row to its entity form.
func Decode(t *schema.Table, columns []string, values [][]byte, zone *time.Location) value.Entity {
	e := make(value.Entity, len(columns))
	for i, name := range columns {
		e[i] = value.Field{Name: name, Value: columnOf(t, name).Decode(values[i], zone)}
	}
	return e
}

// formed returns a version 1 entity, whose values may be any JSON, in the form that decode gives rows of a batch: a
// script sees the same either way.
func formed(t *schema.Table, e value.Entity, zone *time.Location) (value.Entity, error) {
	formed := make(value.Entity, len(e))
	for i, f := range e {
		v, err := columnOf(t, f.Name).Form(f.Value, zone)
		if err != nil {
			return nil, err
		}
		formed[i] = value.Field{Name: f.Name, Value: v}
	}
	return formed, nil
}

// columnOf returns a column by name. A column that the table lacks, which a transformer may remove, counts as text.
func columnOf(t *schema.Table, name string) *value.Column {
	if c, ok := t.Column(name); ok {
		return c
	}
	return &value.Column{Name: name, Kind: value.Text}
}
