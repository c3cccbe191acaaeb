package binlog

// Transaction is a transaction of the log, or a piece of a long one.
type Transaction struct {
	GTID    GTID
	End     Place // where its commit ends
	Time    Time
	Piece   int  // 0 for the first
	Last    bool // it is whole once this has been read; false: further pieces of the same GTID follow
	XA      XA
	Changes []Change // in the log's order; those of Config.Wants alone
}

// Whole reports whether the transaction is not in pieces.
func (t *Transaction) Whole() bool { return t.Piece == 0 && t.Last }

// Time is when a transaction was committed, as the server's clock, or a SET timestamp of its session, says: a claim.
type Time struct {
	Micros int64 // since 1970
	Exact  bool  // to the microsecond, and not by a SET timestamp, as MySQL gives it; else it is the beginning of a second
}

// XA is what a transaction does to one that was prepared, or is to be prepared.
type XA struct {
	Phase Phase  // of a piece before the last: Prepared, if it is to be prepared or committed at once
	ID    string // of it; unique while it is prepared. That of an Ordinary one is what its pieces had
}

// Phase is a step of two-phase commit.
type Phase uint8

// The phases.
const (
	Ordinary   Phase = iota // none: it has committed
	Prepared                // its changes cannot be seen until XACommit
	XACommit                // of an earlier one; without changes of its own
	XARollback              // of an earlier one; without changes of its own
)

// Kind is what a Change does.
type Kind uint8

// The kinds of changes.
const (
	Insert    Kind = iota + 1 // After
	Update                    // Before and After
	Delete                    // Before
	Statement                 // SQL: it is logged as text
	Mentioned                 // the table is named without rows: on MariaDB a foreign key may have changed it
	Unknown                   // the server says that something is missing from the log
)

// Change is a changed row, or a statement.
type Change struct {
	Kind           Kind
	Schema, Table  string  // of a Statement: the default schema, and ""
	Layout         *Layout // of a row's table
	Before, After  []Value // as Layout.Wanted lists the columns
	SQL            *SQL    // of a Statement
	EndOfStatement bool    // no further row of the same statement follows
}

// Value is a column's value in a row.
type Value struct {
	State State
	Raw   []byte // as the log has it; see Layout.Stored
}

// State says what a row's image has of a column.
type State uint8

// The states.
const (
	Absent State = iota // with binlog_row_image=MINIMAL or NOBLOB, or only in part: it did not change, or another image has it
	Null
	Present
)
