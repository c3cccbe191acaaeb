package transport

import "context"

// Once connects to the first server, once, and stays connected until ctx ends or the connection is lost. The error says
// why there was no connection (ErrRefused, ErrDenied, a ProtocolError), or why it was lost; it is nil where ctx ended it. It
// is for those who want to know how a broker answers; a node calls Run.
func (s *Session) Once(ctx context.Context) error {
	l, err := s.connect(ctx, s.servers[0])
	if err != nil {
		return explain(ctx, s.servers[0], err)
	}
	err = s.serve(ctx, l)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
