// Package airtable writes rows to an Airtable table, ten records at a time: those with a key are merged on one to three
// fields, all others are added.
//
// A row is identified by the record's id from the answer, or by the fields to merge on if the id is unknown or
// people have deleted the record. Answers are expected to list their records in the order of the request.
//
// Source: https://airtable.com/developers/web/api/update-multiple-records and its
// neighbours; for the limits https://airtable.com/developers/web/api/rate-limits.
package airtable
