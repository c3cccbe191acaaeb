package job

import "context"

// news tells a sender when it may start, when its outbox has grown, and when reading has ended, so that it no longer waits
// for full batches.
type news struct {
	came  chan struct{} // has a token if the outbox has grown
	began chan struct{}
	ended chan struct{}
	err   error // why nothing may be sent; read it only once began is closed
}

func newNews() *news {
	return &news{came: make(chan struct{}, 1), began: make(chan struct{}), ended: make(chan struct{})}
}

// begin is called once the destination has been asked what it has, if it is to be asked, so that sending may start; or
// with the reason why it may not.
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

// end is called when the outbox will no longer grow.
func (n *news) end() { close(n.ended) }

// over reports whether reading has ended.
func (n *news) over() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// ready returns once sending may begin, or with the reason why it may not. In a run that does not read, it begins when
// end is called.
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

// wait returns when the outbox has grown, or will no longer grow.
func (n *news) wait(ctx context.Context) error {
	select {
	case <-n.came:
	case <-n.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
