package transport

import "context"

// Once connects to the first server, once, and stays connected until ctx ends or the connection is lost. The error says why
// there was no connection (ErrRefused, ErrDenied, a ProtocolError), or why it was lost; it is nil if ctx ended it. It is
// for finding out how a broker answers; a node calls Run.
func (s *Session) Once(ctx context.Context, h Handlers) error {
	l, err := s.connect(ctx, s.servers[0], s.plan(nil), h)
	if err != nil {
		return explain(ctx, s.servers[0], err)
	}
	err = s.serve(ctx, l)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
