package simulation

// Mistake is a way in which the model is made to work wrongly, to see that the
// simulation notices.
type Mistake uint8

// The mistakes.
const (
	NoMistake           Mistake = iota
	DecideByArrival             // what arrives is written, whatever its version
	NoTombstones                // the version of a row is forgotten with the row
	NoVectors                   // a version knows nothing but itself
	LaterKnowsAll               // a later version is taken to have known the one it replaces
	NoLogicalClock              // a local write has the time of the clock, whatever the row has seen
	IgnorePending               // apply does not look at local changes that are not captured yet
	DecideBeforeLock            // apply reads local changes before it locks the row
	LockOnce                    // a row that comes while apply looks is not locked
	AckBeforeCommit             // a batch is acked when it is received
	RowBeforeVersion            // what is sent is read before its version
	CaptureThenRecord           // captured changes are dropped before the stream has them
	CaptureByLastID             // capture reads the changes after the last id that it has seen
	NoPassOn                    // what comes from a remote is not passed on
	PassOnKnown                 // a version that the node has is passed on again
	ReadPastOpen                // senders read past positions of open transactions
	IgnoreDoubt                 // a transaction whose COMMIT was not answered counts as ended
	NoFenceAtStart              // a new process does not wait for transactions of the one before
	ForgetPlaces                // a new process does not begin after what its remotes have acked
	KeepPosition                // a row that is changed again keeps its position
	KeepCameFrom                // a version that was made here is not sent to where another came from
	BookLastAcked               // the last position that was acked is booked, whatever is open before it
	StayAtLoss                  // a sender whose connection was lost does not go back to what is booked
	DropRefused                 // what was refused is not marked
	DropUnanswered              // what was not answered is not marked
	NeverRetry                  // what waits is not tried again
	SettleLater                 // an ack takes a mark that was made later
	RefusedIsDone               // a row that is refused is taken for done
	AnswerEarlier               // an answer to an earlier process books
	ForgetKept                  // what a remote does not take yet is not remembered
	AckReading                  // what is read of a table is taken for what the remote has
	ShowPrivate                 // a row that a transformer holds back goes out
	ForgetParents               // what a row refers to is taken to be there
	ForgetChildren              // a row goes though others refer to it
	NeverSettle                 // nobody is asked about the rows that hold a change up
	ResyncDeleted               // a resync gives a row that was deleted before its latch a version with which it is there
	ResyncOne                   // a resync gives rows versions of which one remote alone hears
	ShortPage                   // a reading of a table ends early, though more rows follow
	StopClock                   // all changes of version 1 have one date
	RepairOne                   // a repair gives rows versions of which one remote alone hears
	RepairMoved                 // a repair does not see that a row has moved on since it was compared
	WithdrawNews                // a row is given back though its sender has not heard what was written here
	ForgetTokens                // it is not remembered what was last said about who has a row
	ForgetWithdrawn             // a late word that a row is another's is taken, though a later one gave it back
	KeepMoved                   // a row that moves is not marked for those that had it
	KeepAuthors                 // a row is not taken back from who wrote it
	KeepChildren                // rows do not follow their parents
	OverlookLookups             // nothing is rerouted when the lookup table changes
	AnyMarkWrites               // a site may write each row that is marked for it
	ForgetUnheard               // a site that has not heard that a row is another's may not write it
	JudgeByLast                 // rows go to whom they were last recorded to be for
	SendUnlabelled              // rows are sent before it is known who has them
	ForgetAway                  // a word that a row is another's is not remembered if the row was deleted here
	SendUnseen                  // a row of which nothing is recorded is sent, though it is being written
	KeepBelow                   // a relay does not have its own remotes give a row back
	GiveBackFirst               // a relay gives a row back before its own remotes have
	RepeatNumbers               // a process hands out numbers that the one before it may have handed out
	CountByVersion              // counters are taken from the row whose version wins
	ForgetCounted               // apply forgets what was counted
	CountAsOne                  // all nodes count under one name
	CountAgain                  // writes that apply has counted are left to capture
	ForgetMerged                // losers of merged rows are not kept
	RecordBackwards             // capture records the writes of a row in the wrong order
	TakeNumber                  // the number that came with a row is taken, whatever was counted
	CountSettings               // what a counter is set to is added
	RememberAll                 // a stream is told that apply has written nothing
	LogAskCommitted             // how far the log is to be read is how far it has committed
	LogAskExecutedFirst         // MySQL's gtid_executed is read before gtid_owned
	LogAskBeforeLock            // how far the log is written is asked before the row is locked
	LogNoWait                   // apply does not wait until the log is read
	LogDecideFirst              // apply looks at what was read, and then waits for the rest
	LogWaitForRecorded          // apply waits until what was read is recorded
	LogRecordRead               // what is read is recorded before it can be seen
	LogTrustXA                  // XA COMMIT is taken to be seen when MariaDB says that it has committed
	LogTrustPrepared            // what is prepared is taken to have committed
	LogPassPrepared             // a restart begins to read after what is still prepared
	LogMoveApart                // where a restart begins to read is not written in the transaction of the versions
	LogMoveToRead               // a restart begins to read after what was read, recorded or not
	LogSettleEarly              // apply settles what it decided over before it commits
	LogForgetOwn                // what apply writes is taken for a user's
	LogNotLogged                // some write with sql_log_bin=0
	LogForgetDone               // the log does not say what is done though a restart reads it again
	LogOverwrite                // a row that was inserted since is overwritten
)
