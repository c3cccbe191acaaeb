package job

import "context"

// news tells a sender when it may start, that its outbox has grown, and when the reading has ended, so that it does not
// wait for full batches.
type news struct {
	came  chan struct{} // has a token if the outbox has grown
	began chan struct{}
	ended chan struct{}
	err   error // why nothing may be sent; to be read once began is closed
}

func newNews() *news {
	return &news{came: make(chan struct{}, 1), began: make(chan struct{}), ended: make(chan struct{})}
}

// begin is called when what the destination has is known, as far as it is asked, so that it may be sent what is
// pending; or with why it may not.
func (n *news) begin(err error) {
	n.err = err
	close(n.began)
}

// tell is called when the outbox has grown.
func (n *news) tell() {
	select {
	case n.came <- struct{}{}:
	default:
	}
}

// end is called when it will not grow any more.
func (n *news) end() { close(n.ended) }

// over reports whether the reading has ended.
func (n *news) over() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// ready returns when sending may begin, or why it may not. A run that does not read
// begins at its end.
func (n *news) ready(ctx context.Context) error {
	select {
	case <-n.began:
	case <-n.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-n.began: // perhaps both
		return n.err
	default:
		return nil
	}
}

// wait returns when the outbox has grown, or will not any more.
func (n *news) wait(ctx context.Context) error {
	select {
	case <-n.came:
	case <-n.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
