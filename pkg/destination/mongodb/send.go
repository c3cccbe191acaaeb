package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// write is what an operation does.
type write struct {
	at    int // the operation
	model mongo.WriteModel
}

// mostTries is how often documents that two writers create at once are sent: the second time each finds the other's.
const mostTries = 3

// Send deletes documents, and then writes others.
func (d *Destination) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	answers := make([]job.Answer, len(b.Operations))
	var writes []write
	var gone bson.A
	for i := range b.Operations {
		o := &b.Operations[i]
		if o.Kind != job.Delete {
			w, id, err := d.write(o)
			if err != nil {
				answers[i].Refused = err.Error()
				continue
			}
			w.at, answers[i].ID = i, id
			writes = append(writes, w)
			continue
		}
		if o.ID == "" { // it never arrived
			continue
		}
		var filter bson.D
		if err := bson.UnmarshalExtJSON([]byte(o.ID), true, &filter); err != nil {
			return nil, fmt.Errorf("read the id of a document: %w", err)
		}
		gone = append(gone, filter)
	}
	if d.Dry != nil {
		return nil, d.tell(b)
	}
	client, err := d.db.connect()
	if err != nil {
		return nil, d.db.failed("connect", err)
	}
	c := client.Database(d.db.name).Collection(d.leg.Collection)
	if len(gone) > 0 {
		if _, err := c.DeleteMany(ctx, bson.D{{Key: "$or", Value: gone}}); err != nil {
			return nil, d.db.failed("delete documents", err)
		}
	}
	return answers, d.bulk(ctx, c, writes, answers)
}

// write returns what an operation does, and how to find its document again: the filter as extended JSON, which preserves
// the key's types.
func (d *Destination) write(o *job.Operation) (write, string, error) {
	doc, err := d.document(o.Data)
	if err != nil {
		return write{}, "", err
	}
	filter, doc, err := d.filter(doc, o.Event)
	if err != nil {
		return write{}, "", err
	}
	id, err := bson.MarshalExtJSON(filter, true, false)
	if err != nil {
		return write{}, "", err
	}
	if d.leg.Merge {
		doc = slices.DeleteFunc(doc, func(e bson.E) bool { return e.Key == "_id" }) // the filter contains it
		return write{model: mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(bson.D{{Key: "$set", Value: doc}}).SetUpsert(true)}, string(id), nil
	}
	return write{model: mongo.NewReplaceOneModel().SetFilter(filter).SetReplacement(doc).SetUpsert(true)}, string(id), nil
}

// bulk executes writes. Refused ones get their reasons, by their index in the bulk, if all others were executed. If a
// server behaves differently, as FerretDB does, the index means nothing: then the error concerns the whole batch, which
// is halved.
func (d *Destination) bulk(ctx context.Context, c *mongo.Collection, writes []write, answers []job.Answer) error {
	for try := 1; len(writes) > 0; try++ {
		models := make([]mongo.WriteModel, len(writes))
		for i := range writes {
			models[i] = writes[i].model
		}
		result, err := c.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		e, ok := errors.AsType[mongo.BulkWriteException](err)
		switch {
		case err == nil:
			return nil
		case !ok || e.WriteConcernError != nil || len(e.WriteErrors) == 0,
			slices.ContainsFunc(e.WriteErrors, func(e mongo.BulkWriteError) bool { return slices.Contains(passing, e.Code) }):
			return d.db.failed("write documents", err)
		case result == nil || result.MatchedCount+result.UpsertedCount != int64(len(writes)-len(e.WriteErrors)),
			slices.ContainsFunc(e.WriteErrors, func(e mongo.BulkWriteError) bool { return e.Index < 0 || e.Index >= len(writes) }):
			if try < mostTries && mongo.IsDuplicateKeyError(err) {
				continue
			}
			return &remote.Error{Operation: "write documents", Host: d.db.host, Next: remote.Next{Do: remote.RowRefused}, Err: errors.New(d.db.hide.Text(err.Error()))}
		}
		var again []write
		for _, refused := range e.WriteErrors {
			w := writes[refused.Index]
			if refused.Code == duplicateKey && try < mostTries {
				again = append(again, w)
				continue
			}
			answers[w.at] = job.Answer{Refused: d.db.hide.Text(refused.Message)}
		}
		writes = again
	}
	return nil
}

// tell reports what a dry run does not send.
func (d *Destination) tell(b *job.Batch) error {
	for _, o := range b.Operations {
		body := o.Data
		if o.Kind == job.Delete {
			body = []byte(o.ID)
		}
		d.Dry(remote.Sent{Operation: string(o.Kind) + " a document", Method: "WRITE", Host: d.db.host + " " + d.leg.Collection, Body: body})
	}
	return remote.ErrDry
}
